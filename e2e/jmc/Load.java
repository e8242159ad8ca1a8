// SPDX-License-Identifier: Apache-2.0
import java.io.File;
import java.util.TreeMap;
import org.openjdk.jmc.common.item.IItemCollection;
import org.openjdk.jmc.common.item.IItemIterable;
import org.openjdk.jmc.flightrecorder.JfrLoaderToolkit;

/** Loads recordings with JDK Mission Control's parser; prints `file type count` lines. */
public class Load {
  public static void main(String[] files) throws Exception {
    for (String file : files) {
      IItemCollection events = JfrLoaderToolkit.loadEvents(new File(file));
      TreeMap<String, Long> counts = new TreeMap<>();
      for (IItemIterable items : events) {
        counts.merge(items.getType().getIdentifier(), items.getItemCount(), Long::sum);
      }
      counts.forEach((type, count) -> System.out.println(file + " " + type + " " + count));
    }
  }
}
