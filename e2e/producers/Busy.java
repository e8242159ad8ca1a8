// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.List;

/** Something to profile for three seconds: computes, allocates, waits for a lock, sleeps. */
public class Busy {
  static final Object LOCK = new Object();
  static volatile double sink;

  public static void main(String[] args) throws Exception {
    long end = System.nanoTime() + 3_000_000_000L;
    List<Thread> threads = new ArrayList<>();
    for (Runnable work : new Runnable[] {Busy::compute, Busy::allocate, Busy::contend, Busy::contend, Busy::rest}) {
      Thread thread = new Thread(() -> { while (System.nanoTime() < end) work.run(); }, "worker \u00fc " + threads.size());
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) thread.join();
  }

  static void compute() {
    double sum = 0;
    for (int i = 1; i < 100_000; i++) sum += Math.sin(i) / i;
    sink = sum;
  }

  static void allocate() {
    List<byte[]> all = new ArrayList<>();
    for (int i = 0; i < 1000; i++) all.add(new byte[i]);
    sink = all.size() + new int[1 << 20].length;
  }

  static void contend() {
    synchronized (LOCK) { compute(); }
  }

  static void rest() {
    try { Thread.sleep(5); } catch (InterruptedException e) { throw new IllegalStateException(e); }
  }
}
