// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.ValueDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** Prints every event of one type: a line of tab-separated values, exact to the bit. */
public class Dump {
    public static void main(String[] args) throws Exception {
        try (RecordingFile file = new RecordingFile(Path.of(args[0]))) {
            while (file.hasMoreEvents()) {
                RecordedEvent event = file.readEvent();
                if (!event.getEventType().getName().equals(args[1])) continue;
                StringBuilder line = new StringBuilder();
                List<ValueDescriptor> fields = event.getFields();
                for (ValueDescriptor field : fields) {
                    if (line.length() > 0) line.append('\t');
                    line.append(exact(field, event));
                }
                System.out.println(line);
            }
        }
    }

    private static String exact(ValueDescriptor field, RecordedEvent event) {
        // startTime and duration come converted: ask for what they mean
        if (field.getName().equals("startTime")) return nanos(event.getStartTime());
        if (field.getName().equals("duration")) return String.valueOf(event.getDuration().toNanos());
        Object value = event.getValue(field.getName());
        if (value == null) return "null";
        if (value instanceof Float f) return "f" + Integer.toHexString(Float.floatToIntBits(f));
        if (value instanceof Double d) return "d" + Long.toHexString(Double.doubleToLongBits(d));
        if (value instanceof Character c) return String.valueOf((int) c);
        if (value instanceof String s) {
            StringBuilder units = new StringBuilder("s");
            for (char unit : s.toCharArray()) units.append(String.format("%04x", (int) unit));
            return units.toString();
        }
        return String.valueOf(value);
    }

    private static String nanos(java.time.Instant time) {
        return String.valueOf(time.getEpochSecond() * 1_000_000_000L + time.getNano());
    }
}
