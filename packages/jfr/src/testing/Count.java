// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import jdk.jfr.ValueDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** Reads each recording to its end, all values included; prints its number of events, or what it threw. */
public class Count {
    public static void main(String[] args) {
        for (String name : args) {
            long count = 0;
            try (RecordingFile file = new RecordingFile(Path.of(name))) {
                while (file.hasMoreEvents()) {
                    RecordedEvent event = file.readEvent();
                    if (event.getStartTime() == null) throw new IllegalStateException();
                    for (ValueDescriptor field : event.getFields()) {
                        event.getValue(field.getName());
                    }
                    count++;
                }
                System.out.println(count);
            } catch (Throwable problem) {
                System.out.println(problem);
            }
        }
    }
}
