// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import java.util.BitSet;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/**
 * java Killed.java [FILE FLUSHED]...: fails unless each recording of a killed trouble.mjs has the events
 * below FLUSHED, each once and with its constants. Prints the number of events in each file.
 */
public class Killed {
  private static void check(boolean holds, String what, RecordedEvent event) {
    if (!holds) throw new AssertionError(what + ": " + event);
  }

  public static void main(String[] args) throws Exception {
    for (int index = 0; index < args.length; index += 2) {
      int flushed = Integer.parseInt(args[index + 1]);
      BitSet seen = new BitSet(flushed);
      try (RecordingFile file = new RecordingFile(Path.of(args[index]))) {
        while (file.hasMoreEvents()) {
          RecordedEvent event = file.readEvent();
          if (!event.getEventType().getName().equals("test.Tick")) continue;
          int number = event.getInt("number");
          check(!seen.get(number), "a second time", event);
          seen.set(number);
          if (number >= flushed) continue;
          String text = "a text of a few possible " + number % 10;
          check(text.equals(event.getString("text")), "text", event);
          check("main".equals(event.getThread("eventThread").getJavaName()), "thread", event);
          String method = event.getStackTrace().getFrames().get(0).getMethod().getName();
          check(method.equals("commit"), "method", event);
        }
      }
      if (seen.nextClearBit(0) < flushed) {
        throw new AssertionError(args[index] + ": missing " + seen.nextClearBit(0));
      }
      System.out.println(seen.cardinality());
    }
  }
}
