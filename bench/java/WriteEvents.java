// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Path;
import jdk.jfr.Event;
import jdk.jfr.Name;
import jdk.jfr.Recording;
import jdk.jfr.StackTrace;

/** The JDK's recorder at the same work as bench/jfr-write.ts: prints ns per event, a line per round. */
public class WriteEvents {
    @Name("bench.Fault")
    @StackTrace(false)
    static class Fault extends Event {
        long guestPhysical;
        long hostVirtual;
        boolean write;
        String action;
        int thread;
        int region;
    }

    public static void main(String[] args) throws Exception {
        int rounds = Integer.parseInt(args[0]);
        int perRound = Integer.parseInt(args[1]);
        try (Recording recording = new Recording()) {
            recording.enable(Fault.class);
            recording.start();
            round(perRound);
            for (int i = 0; i < rounds; i++) {
                System.out.println((double) round(perRound) / perRound);
            }
            recording.stop();
            recording.dump(Path.of(args[2]));
        }
    }

    private static long round(int count) {
        long began = System.nanoTime();
        for (int i = 0; i < count; i++) {
            Fault fault = new Fault();
            fault.begin();
            fault.guestPhysical = i * 4096L;
            fault.hostVirtual = 0x7f1200000000L + i * 4096L;
            fault.write = (i & 1) == 0;
            fault.action = (i & 3) == 0 ? "zero" : "copy";
            fault.thread = 12345;
            fault.commit();
        }
        return System.nanoTime() - began;
    }
}
