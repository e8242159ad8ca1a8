// SPDX-License-Identifier: Apache-2.0
// The peer of bench/jfr.ts: does with jdk.jfr.consumer what the bench does, when told to on standard
// input, and prints the milliseconds and a sum that shows that the work was done.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import jdk.jfr.ValueDescriptor;
import jdk.jfr.consumer.*;

public class JfrPeer {
  static long texts, frames, numbers, events;

  static void read(RecordedObject object) {
    for (ValueDescriptor field : object.getFields()) {
      Object value = object.getValue(field.getName());
      if (value instanceof Number) numbers++;
      else if (value instanceof String) texts += ((String) value).length();
      else if (value instanceof RecordedStackTrace) readStack((RecordedStackTrace) value);
      else if (value instanceof RecordedThread) { String name = ((RecordedThread) value).getJavaName(); if (name != null) texts += name.length(); }
      else if (value instanceof RecordedClass) texts += ((RecordedClass) value).getName().length();
    }
  }

  static void readStack(RecordedStackTrace stack) {
    for (RecordedFrame frame : stack.getFrames()) {
      texts += frame.getMethod().getName().length() + frame.getLineNumber() % 2;
      frames++;
    }
  }

  static void all(Path path) throws Exception {
    try (RecordingFile file = new RecordingFile(path)) {
      while (file.hasMoreEvents()) { read(file.readEvent()); events++; }
    }
  }

  static void one(Path path) throws Exception {
    try (EventStream stream = EventStream.openFile(path)) {
      stream.setOrdered(false);
      stream.onEvent("jdk.ExecutionSample", event -> {
        events++;
        texts += event.getThread("sampledThread").getJavaName().length() + event.getString("state").length();
        RecordedStackTrace stack = event.getStackTrace();
        if (stack != null) readStack(stack);
      });
      stream.start();
    }
  }

  public static void main(String[] arguments) throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = input.readLine()) != null; ) {
      String[] words = line.split(" ", 2);
      texts = frames = numbers = events = 0;
      long begin = System.nanoTime();
      if (words[0].equals("all")) all(Path.of(words[1])); else one(Path.of(words[1]));
      System.out.println((System.nanoTime() - begin) / 1e6 + " " + events + " " + texts + " " + frames);
    }
  }
}
