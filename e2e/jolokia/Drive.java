// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import javax.management.JMX;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.TabularData;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import jdk.management.jfr.FlightRecorderMXBean;
import jdk.management.jfr.RecordingInfo;
import jdk.management.jfr.RemoteRecordingStream;

/**
 * java Drive.java URL TOKEN DIRECTORY: every operation and attribute of FlightRecorderMXBean, through the
 * Jolokia project's own JMX client and the JDK's own MXBean proxy; then the JDK's RemoteRecordingStream
 * over the same connection. Prints a line for each step; throws at the first that is wrong.
 */
public class Drive {
  private static void check(boolean holds, Object what) {
    if (!holds) throw new AssertionError(String.valueOf(what));
  }

  private static void done(String what) {
    System.out.println("ok " + what);
  }

  private static void refused(String what, Callable<?> work) {
    try {
      work.call();
    } catch (Exception expected) {
      done(what + " is refused");
      return;
    }
    throw new AssertionError(what + " was not refused");
  }

  private static RecordingInfo info(FlightRecorderMXBean bean, long id) {
    return bean.getRecordings().stream().filter(r -> r.getId() == id).findFirst().orElseThrow();
  }

  private static List<RecordedEvent> beats(Path file) throws Exception {
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().equals("test.Beat")).toList();
  }

  private static void checkBeat(RecordedEvent event) {
    check(event.getString("text").equals("a text in the pool of strings"), event);
    check(event.getStackTrace().getFrames().get(0).getMethod().getName().equals("beat"), event);
    check(event.getThread("eventThread").getJavaName().equals("main"), event);
  }

  public static void main(String[] args) throws Exception {
    String address = args[0].replaceFirst("^http:", "service:jmx:jolokia:");
    Map<String, Object> environment =
        Map.of(JMXConnector.CREDENTIALS, new String[] {"jmc", args[1]});
    Path directory = Path.of(args[2]);
    try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address), environment)) {
      MBeanServerConnection connection = plain(connector.getMBeanServerConnection());
      ObjectName name = new ObjectName(FlightRecorderMXBean.MXBEAN_NAME);
      FlightRecorderMXBean bean = JMX.newMXBeanProxy(connection, name, FlightRecorderMXBean.class);
      describes(connection, name, bean);
      long id = configures(bean);
      records(bean, id, directory);
      streams(connection);
      refused("a file outside of the directory", () -> {
        long other = bean.newRecording();
        bean.copyTo(other, "/tmp/outside.jfr");
        return null;
      });
    }
    refused("a wrong token", () -> {
      var wrong = Map.of(JMXConnector.CREDENTIALS, new String[] {"jmc", "wrong"});
      try (var connector = JMXConnectorFactory.connect(new JMXServiceURL(address), wrong)) {
        return connector.getMBeanServerConnection()
            .getAttribute(new ObjectName(FlightRecorderMXBean.MXBEAN_NAME), "Recordings");
      }
    });
  }

  /**
   * The client, with tables among the arguments turned into plain maps: its versions before 2.5 take a
   * TabularDataSupport for a map of text and fail, whoever the server is.
   */
  private static MBeanServerConnection plain(MBeanServerConnection client) {
    InvocationHandler handler = (proxy, method, arguments) -> {
      if (method.getName().equals("invoke") && arguments[2] != null) {
        arguments[2] = Arrays.stream((Object[]) arguments[2]).map(Drive::plainValue).toArray();
      }
      try {
        return method.invoke(client, arguments);
      } catch (InvocationTargetException wrapped) {
        throw wrapped.getCause();
      }
    };
    Class<?>[] type = {MBeanServerConnection.class};
    return (MBeanServerConnection) Proxy.newProxyInstance(Drive.class.getClassLoader(), type, handler);
  }

  private static Object plainValue(Object value) {
    if (!(value instanceof TabularData table)) return value;
    Map<String, String> map = new HashMap<>();
    for (Object row : table.values()) {
      map.put((String) ((CompositeData) row).get("key"), (String) ((CompositeData) row).get("value"));
    }
    return map;
  }

  private static void describes(MBeanServerConnection connection, ObjectName name,
      FlightRecorderMXBean bean) throws Exception {
    check(connection.isRegistered(name), "isRegistered");
    check(connection.queryNames(name, null).equals(java.util.Set.of(name)), "queryNames");
    check(connection.getMBeanInfo(name).getOperations().length == 16, "getMBeanInfo");
    done("isRegistered, queryNames, getMBeanInfo");
    check(bean.getObjectName().equals(name), bean.getObjectName());
    done("getObjectName");
    // raw: EventTypeInfo.from of JDK 17 fails on what its own bean gives ("settings" is no item name)
    var types = (CompositeData[]) connection.getAttribute(name, "EventTypes");
    var beat = Arrays.stream(types).filter(t -> t.get("name").equals("test.Beat")).findFirst().get();
    check(beat.get("label").equals("Beat"), beat);
    check(Arrays.equals((String[]) beat.get("categoryNames"), new String[] {"Test"}), beat);
    check(Arrays.stream((CompositeData[]) beat.get("settingDescriptors"))
        .anyMatch(setting -> setting.get("name").equals("stackTrace")), beat);
    check(Arrays.stream(types).anyMatch(t -> t.get("name").equals("jdk.CPULoad")), "jdk.CPULoad");
    if (Runtime.version().feature() > 17) check(bean.getEventTypes().size() == types.length, "types");
    done("getEventTypes: " + types.length);
    var configurations = bean.getConfigurations();
    check(configurations.stream().map(c -> c.getName()).toList().containsAll(List.of("default", "profile")),
        configurations);
    for (var configuration : configurations) {
      check(configuration.getContents().contains("<configuration"), configuration.getName());
      // its settings stay behind in this client, as they do when it talks to Jolokia's own agent
    }
    done("getConfigurations: " + configurations.size());
  }

  private static long configures(FlightRecorderMXBean bean) {
    long id = bean.newRecording();
    check(info(bean, id).getState().equals("NEW"), info(bean, id));
    done("newRecording, getRecordings");
    bean.setPredefinedConfiguration(id, "profile");
    String profile = bean.getRecordingSettings(id).get("jdk.ExecutionSample#period");
    bean.setPredefinedConfiguration(id, "default");
    String ordinary = bean.getRecordingSettings(id).get("jdk.ExecutionSample#period");
    check(profile != null && ordinary != null && !profile.equals(ordinary), profile + " " + ordinary);
    done("setPredefinedConfiguration");
    bean.setConfiguration(id, bean.getConfigurations().stream()
        .filter(c -> c.getName().equals("profile")).findFirst().orElseThrow().getContents());
    check(bean.getRecordingSettings(id).get("jdk.ExecutionSample#period").equals(profile), "profile");
    done("setConfiguration");
    Map<String, String> settings = new HashMap<>();
    settings.put("test.Beat#enabled", "true");
    settings.put("test.Beat#stackTrace", "true");
    settings.put("jdk.CPULoad#enabled", "true");
    settings.put("jdk.CPULoad#period", "200 ms");
    bean.setRecordingSettings(id, settings);
    check(bean.getRecordingSettings(id).equals(settings), bean.getRecordingSettings(id));
    done("setRecordingSettings, getRecordingSettings");
    Map<String, String> options = new HashMap<>();
    options.put("name", "driven");
    options.put("maxAge", "1 h");
    options.put("maxSize", "100000000");
    options.put("dumpOnExit", "false");
    options.put("disk", "true");
    bean.setRecordingOptions(id, options);
    Map<String, String> got = bean.getRecordingOptions(id);
    check(got.get("name").equals("driven") && got.get("maxSize").equals("100000000")
        && got.get("maxAge").equals("1 h") && got.get("dumpOnExit").equals("false"), got);
    RecordingInfo info = info(bean, id);
    check(info.getName().equals("driven") && info.getMaxAge() == 3600 && info.getMaxSize() == 100000000
        && info.isToDisk() && !info.getDumpOnExit(), info);
    done("setRecordingOptions, getRecordingOptions");
    return id;
  }

  private static void records(FlightRecorderMXBean bean, long id, Path directory) throws Exception {
    bean.startRecording(id);
    check(info(bean, id).getState().equals("RUNNING"), info(bean, id));
    Thread.sleep(2500);
    done("startRecording");
    refused("a stream of a running recording", () -> bean.openStream(id, null));
    long clone = bean.cloneRecording(id, true);
    check(info(bean, clone).getState().equals("STOPPED"), info(bean, clone));
    done("cloneRecording");
    long stream = bean.openStream(clone, Map.of("blockSize", "100000"));
    Path read = directory.resolve("read.jfr");
    try (var out = Files.newOutputStream(read)) {
      for (byte[] block = bean.readStream(stream); block != null; block = bean.readStream(stream)) {
        out.write(block);
      }
    }
    bean.closeStream(stream);
    refused("a closed stream", () -> bean.readStream(stream));
    var beats = beats(read);
    check(beats.size() > 20, beats.size());
    beats.forEach(Drive::checkBeat);
    done("openStream, readStream, closeStream: " + beats.size() + " events");
    bean.copyTo(clone, "copied.jfr");
    check(Files.mismatch(read, directory.resolve("copied.jfr")) == -1, "the copy is different");
    done("copyTo: the same bytes");
    long snapshot = bean.takeSnapshot();
    check(info(bean, snapshot).getState().equals("STOPPED"), info(bean, snapshot));
    check(info(bean, snapshot).getSize() >= Files.size(read), info(bean, snapshot));
    done("takeSnapshot");
    check(bean.stopRecording(id), "stopRecording");
    check(info(bean, id).getState().equals("STOPPED"), info(bean, id));
    done("stopRecording");
    for (long recording : new long[] {id, clone, snapshot}) bean.closeRecording(recording);
    check(bean.getRecordings().isEmpty(), bean.getRecordings());
    done("closeRecording");
  }

  private static void streams(MBeanServerConnection connection) throws Exception {
    AtomicInteger seen = new AtomicInteger();
    AtomicInteger flushes = new AtomicInteger();
    AtomicInteger loads = new AtomicInteger();
    AtomicInteger last = new AtomicInteger(-1);
    try (var stream = new RemoteRecordingStream(connection)) {
      // not enable(…).withPeriod(…): JDK 17 sends "period" where it means "jdk.CPULoad#period"
      stream.setSettings(Map.of("test.Beat#enabled", "true", "test.Beat#stackTrace", "true",
          "jdk.CPULoad#enabled", "true", "jdk.CPULoad#period", "200 ms"));
      stream.onEvent("test.Beat", event -> {
        checkBeat(event);
        int before = last.getAndSet(event.getInt("number"));
        check(before < 0 || event.getInt("number") == before + 1, event);
        seen.incrementAndGet();
      });
      stream.onEvent("jdk.CPULoad", event -> loads.incrementAndGet());
      stream.onFlush(flushes::incrementAndGet);
      AtomicInteger errors = new AtomicInteger();
      stream.onError(error -> {
        error.printStackTrace();
        errors.incrementAndGet();
      });
      stream.startAsync();
      for (int i = 0; i < 600 && (seen.get() < 200 || loads.get() < 5); i++) Thread.sleep(100);
      check(errors.get() == 0, "errors");
    }
    check(seen.get() >= 200 && loads.get() >= 5 && flushes.get() > 0, seen + " " + loads + " " + flushes);
    done("RemoteRecordingStream: at least 200 events in order");
  }
}
