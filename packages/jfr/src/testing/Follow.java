// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import java.time.Instant;
import jdk.jfr.consumer.EventStream;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;

/** Follows a repository from the start and prints a line per event, until the final chunk ends it. */
public class Follow {
    public static void main(String[] args) throws Exception {
        try (EventStream stream = EventStream.openRepository(Path.of(args[0]))) {
            stream.setStartTime(Instant.EPOCH);
            stream.setReuse(false);
            stream.onEvent("test.Live", Follow::print);
            stream.onFlush(() -> {
                System.out.println("flush");
                System.out.flush();
            });
            stream.onError(problem -> {
                System.out.println("error " + problem);
                problem.printStackTrace();
            });
            System.out.println("ready");
            System.out.flush();
            stream.start();
        }
        System.out.println("end");
    }

    private static void print(RecordedEvent event) {
        StringBuilder frames = new StringBuilder();
        if (event.getStackTrace() != null) {
            for (RecordedFrame frame : event.getStackTrace().getFrames()) {
                frames.append(' ').append(frame.getMethod().getType().getName()).append('.')
                    .append(frame.getMethod().getName()).append(':').append(frame.getLineNumber());
            }
        }
        System.out.println("event " + event.getLong("number") + " " + event.getString("text") + " "
            + event.getThread().getJavaName() + frames);
        System.out.flush();
    }
}
