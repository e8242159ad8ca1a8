// SPDX-License-Identifier: Apache-2.0
// Makes a large recording: as many events as asked for, of a few types, with stack traces, threads and
// strings, beside what the JVM itself records of such a load (samples, allocations, collections).
import java.util.Random;
import jdk.jfr.*;

public class JfrCorpus {
  @Name("bench.Request") @Label("Request") @Category("Bench") @Threshold("0 ns")
  static class Request extends Event {
    String path; String method; int status; @DataAmount long bytes; double load;
  }

  @Name("bench.Page") @Label("Page") @Category("Bench") @StackTrace(false)
  static class Page extends Event {
    @MemoryAddress long guest; @MemoryAddress long host; boolean write; int region;
  }

  @Name("bench.Step") @Label("Step") @Category("Bench") @StackTrace(false)
  static class Step extends Event { int number; long total; float share; Thread by; }

  static final String[] METHODS = {"GET", "PUT", "POST"};
  static final String[] PATHS = new String[500];
  static { for (int i = 0; i < PATHS.length; i++) PATHS[i] = "/service/items/" + i + "/details"; }

  static double sink;

  static void request(Random random, int depth) {
    if (depth > 0) {
      if (random.nextInt(4) == 0) request(random, depth - 1); else through(random, depth - 1);
      return;
    }
    Request event = new Request();
    event.begin();
    double sum = 0;
    for (int i = 0; i < 20; i++) sum += Math.sqrt(random.nextDouble());
    event.path = PATHS[random.nextInt(PATHS.length)];
    event.method = METHODS[random.nextInt(3)];
    event.status = random.nextInt(10) == 0 ? 404 : 200;
    event.bytes = random.nextInt(1_000_000);
    event.load = sum;
    event.commit();
    sink = sum;
  }

  static void through(Random random, int depth) { request(random, depth); }

  static void run(int events, int seed) {
    Random random = new Random(seed);
    long total = 0;
    for (int i = 0; i < events; i++) {
      int kind = i % 10;
      if (kind < 5) {
        Page event = new Page();
        event.guest = (long) random.nextInt(1 << 20) << 12; event.host = 0x7f0000000000L + event.guest;
        event.write = kind == 0; event.region = kind & 1;
        event.commit();
      } else if (kind < 8) {
        Step event = new Step();
        event.number = i; event.total = total += random.nextInt(1000); event.share = random.nextFloat(); event.by = Thread.currentThread();
        event.commit();
      } else request(random, random.nextInt(12));
      if ((i & 0x3ff) == 0) sink += new byte[64 * 1024].length;
    }
  }

  static double compute(Random random, int depth) {
    if (depth == 0) { double sum = 0; for (int i = 0; i < 200; i++) sum += Math.sin(random.nextDouble()); return sum; }
    return random.nextBoolean() ? compute(random, depth - 1) : computeOther(random, depth - 1);
  }

  static double computeOther(Random random, int depth) { return compute(random, depth) + 1; }

  /** Something to sample. */
  static void busy(long millis, int seed) {
    Random random = new Random(seed);
    long end = System.nanoTime() + millis * 1_000_000;
    while (System.nanoTime() < end) sink += compute(random, 5 + random.nextInt(40));
  }

  public static void main(String[] arguments) throws Exception {
    int events = Integer.parseInt(arguments[0]);
    long busyMillis = Long.parseLong(arguments[1]);
    int threads = 4;
    Thread[] all = new Thread[threads];
    for (int i = 0; i < threads; i++) {
      int seed = i;
      all[i] = new Thread(() -> { run(events / threads, seed); busy(busyMillis, seed); }, "worker-" + i);
      all[i].start();
    }
    for (Thread thread : all) thread.join();
  }
}
