// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import java.util.function.Consumer;
import org.openjdk.jmc.flightrecorder.writer.api.Recording;
import org.openjdk.jmc.flightrecorder.writer.api.Recordings;
import org.openjdk.jmc.flightrecorder.writer.api.Type;
import org.openjdk.jmc.flightrecorder.writer.api.TypeStructureBuilder;
import org.openjdk.jmc.flightrecorder.writer.api.Types;

/**
 * A recording by the writer of JDK Mission Control: every type it knows, pooled constants, two chunks. With a second
 * argument the writer adds the start time itself, behind other fields; the JDK takes the first field for it, and fails.
 */
public class Write {
  public static void main(String[] args) throws Exception {
    try (Recording recording = Recordings.newRecording(Path.of(args[0]), s -> s.withJdkTypeInitialization())) {
      Type label = recording.registerAnnotationType("jdk.jfr.Label", b -> b.addField("value", Types.Builtin.STRING));
      Type timestamp = recording.registerAnnotationType("jdk.jfr.Timestamp", b -> b.addField("value", Types.Builtin.STRING));
      Type point = recording.registerType("jmc.Point", b ->
          b.addField("x", Types.Builtin.INT).addField("y", Types.Builtin.INT).addField("name", Types.Builtin.STRING));
      Consumer<TypeStructureBuilder> fields = b -> b
          .addField("flag", Types.Builtin.BOOLEAN).addField("tiny", Types.Builtin.BYTE)
          .addField("small", Types.Builtin.SHORT).addField("letter", Types.Builtin.CHAR)
          .addField("number", Types.Builtin.INT).addField("large", Types.Builtin.LONG)
          .addField("single", Types.Builtin.FLOAT).addField("real", Types.Builtin.DOUBLE)
          .addField("text", Types.Builtin.STRING, f -> f.addAnnotation(label, "Text"))
          .addField("point", point);
      Type event = args.length > 1
          ? recording.registerEventType("jmc.Everything", fields)
          : recording.registerType("jmc.Everything", "jdk.jfr.Event", b -> {
              b.addField("startTime", Types.Builtin.LONG, f -> f.addAnnotation(timestamp, "TICKS"));
              fields.accept(b);
            });
      for (int chunk = 0; chunk < 2; chunk++) {
        for (int i = 0; i < 50; i++) {
          int row = i;
          recording.writeEvent(event.asValue(v -> v
              .putField("startTime", System.nanoTime())
              .putField("flag", row % 2 == 0).putField("tiny", (byte) -row).putField("small", (short) (row * 999))
              .putField("letter", (char) ('A' + row)).putField("number", Integer.MIN_VALUE + row)
              .putField("large", Long.MAX_VALUE - row).putField("single", row / 3f).putField("real", row / 3d)
              .putField("text", row % 5 == 0 ? "" : row % 7 == 0 ? null : "text \u00e9 " + row % 4)
              .putField("point", p -> p.putField("x", row % 3).putField("y", -1).putField("name", "p" + row % 3))));
        }
        if (chunk == 0) recording.rotateChunk();
      }
    }
  }
}
