// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordingFile;

/**
 * java EveryEvent.java WORKERS EVENTS FILE...: fails unless each recording of stress.mjs has every event
 * exactly once, with its text, its thread and the method that committed it. Prints a line per file.
 */
public class EveryEvent {
  private static void check(boolean holds, String what, RecordedEvent event) {
    if (!holds) throw new AssertionError(what + ": " + event);
  }

  private static void checkConstants(RecordedEvent event, int worker, int number) {
    String text = event.getString("text");
    if (event.getEventType().getName().equals("test.Plain")) {
      boolean known = text.equals("one of a few pooled texts")
          || text.equals("another of these pooled texts")
          || (text.length() == 20_000 && text.chars().allMatch(letter -> letter == 'x'));
      check(known, "text", event);
      return;
    }
    check(text.equals("number " + number + " of the worker"), "text", event);
    check(event.getThread("eventThread").getJavaName().equals("stress " + worker), "thread", event);
    List<RecordedFrame> frames = event.getStackTrace().getFrames();
    String method = frames.get(0).getMethod().getName();
    check(method.equals(number % 200 == 0 ? "even" : "odd"), "method", event);
  }

  public static void main(String[] args) throws Exception {
    int workers = Integer.parseInt(args[0]);
    int events = Integer.parseInt(args[1]);
    for (int index = 2; index < args.length; index++) {
      BitSet seen = new BitSet(workers * events);
      try (RecordingFile file = new RecordingFile(Path.of(args[index]))) {
        while (file.hasMoreEvents()) {
          RecordedEvent event = file.readEvent();
          String name = event.getEventType().getName();
          check(!name.equals("jdk.DataLoss"), "loss", event);
          if (!name.equals("test.Plain") && !name.equals("test.Stress")) continue;
          int worker = event.getInt("worker");
          int number = event.getInt("number");
          check(!seen.get(worker * events + number), "a second time", event);
          seen.set(worker * events + number);
          checkConstants(event, worker, number);
        }
      }
      if (seen.cardinality() != workers * events) {
        throw new AssertionError(args[index] + ": missing from " + seen.nextClearBit(0));
      }
      System.out.println(seen.cardinality());
    }
  }
}
