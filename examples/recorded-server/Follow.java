// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import jdk.jfr.consumer.EventStream;

/** java Follow.java DIRECTORY: the JDK's own event stream on the repository of a Node.js process. */
public class Follow {
  public static void main(String[] args) throws Exception {
    try (EventStream stream = EventStream.openRepository(Path.of(args[0]))) {
      stream.onEvent("shop.Order", event -> System.out.printf("order of %d items: %d, in %.1f ms, by %s%n",
          event.getInt("items"), event.getLong("total"), event.getDuration().toNanos() / 1e6,
          event.getStackTrace().getFrames().get(0).getMethod().getName()));
      stream.onEvent("jdk.CPULoad", event -> System.out.printf("CPU %.0f %%%n",
          100 * (event.getFloat("jvmUser") + event.getFloat("jvmSystem"))));
      stream.start();
    }
  }
}
