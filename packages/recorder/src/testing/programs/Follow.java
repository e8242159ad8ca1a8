// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import java.time.Instant;
import jdk.jfr.consumer.EventStream;

/** java Follow.java DIRECTORY: prints what the JDK sees in a repository while it is being written. */
public class Follow {
  public static void main(String[] args) throws Exception {
    try (EventStream stream = EventStream.openRepository(Path.of(args[0]))) {
      stream.setStartTime(Instant.EPOCH);
      stream.onEvent("test.Beat", event -> {
        var frames = event.getStackTrace() == null ? null : event.getStackTrace().getFrames();
        System.out.println(event.getInt("number") + "|" + event.getString("text") + "|"
            + event.getThread("eventThread").getJavaName() + "|"
            + (frames == null ? "" : frames.get(0).getMethod().getName()));
        System.out.flush();
      });
      stream.start();
    }
  }
}
