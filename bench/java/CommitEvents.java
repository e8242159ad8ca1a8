// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Files;
import java.nio.file.Path;
import jdk.jfr.Event;
import jdk.jfr.Name;
import jdk.jfr.Recording;
import jdk.jfr.StackTrace;

/** java CommitEvents.java FILE BATCHES COUNT: nanoseconds per commit, a line for each batch. */
public class CommitEvents {
  @Name("bench.Five")
  @StackTrace(false)
  static class Five extends Event {
    long address;
    long size;
    int thread;
    boolean write;
    int region;
  }

  public static void main(String[] args) throws Exception {
    int batches = Integer.parseInt(args[1]);
    int count = Integer.parseInt(args[2]);
    try (var recording = new Recording()) {
      recording.enable(Five.class).withoutThreshold().withoutStackTrace();
      recording.setDestination(Path.of(args[0]));
      recording.start();
      for (int batch = 0; batch < batches; batch++) {
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
          var event = new Five();
          event.begin();
          event.address = i * 4096L;
          event.size = 4096;
          event.thread = 12345;
          event.write = (i & 1) == 0;
          event.region = 1;
          event.commit();
        }
        System.out.println((System.nanoTime() - start) / (double) count);
        // what a batch wrote is on its way to the disk before the next begins
        Thread.sleep(30);
      }
      recording.stop();
    }
    Files.deleteIfExists(Path.of(args[0]));
  }
}
