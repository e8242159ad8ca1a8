// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.Proxy;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.CompositeDataSupport;
import javax.management.openmbean.CompositeType;
import javax.management.openmbean.OpenType;
import javax.management.openmbean.SimpleType;
import javax.management.openmbean.TabularData;
import javax.management.openmbean.TabularDataSupport;
import javax.management.openmbean.TabularType;
import jdk.management.jfr.RemoteRecordingStream;

/**
 * java Remote.java URL TOKEN COUNT: the JDK's own RemoteRecordingStream over the Jolokia protocol, through
 * a connection made of a proxy and an HTTP client. Prints test.Beat events until COUNT of them came.
 */
public class Remote {
  static final HttpClient CLIENT = HttpClient.newHttpClient();

  public static void main(String[] args) throws Exception {
    var connection = (MBeanServerConnection) Proxy.newProxyInstance(Remote.class.getClassLoader(),
        new Class<?>[] {MBeanServerConnection.class}, (proxy, method, arguments) -> {
          switch (method.getName()) {
            case "isRegistered":
              return true;
            case "getAttribute":
              // an empty list of configurations is all the stream needs
              return new CompositeData[0];
            case "invoke":
              var request = new LinkedHashMap<String, Object>();
              request.put("type", "exec");
              request.put("mbean", ((ObjectName) arguments[0]).getCanonicalName());
              request.put("operation",
                  arguments[1] + "(" + String.join(",", (String[]) arguments[3]) + ")");
              request.put("arguments", arguments[2] == null ? List.of() : List.of((Object[]) arguments[2]));
              return result((String) arguments[1], post(args[0], args[1], json(request)));
            case "isInstanceOf":
              return true;
            case "addNotificationListener", "removeNotificationListener":
              return null;
            default:
              throw new UnsupportedOperationException(method.getName());
          }
        });
    int wanted = Integer.parseInt(args[2]);
    var seen = new AtomicInteger();
    try (var stream = new RemoteRecordingStream(connection)) {
      stream.enable("test.Beat");
      stream.onEvent("test.Beat", event -> {
        var frames = event.getStackTrace().getFrames();
        System.out.println(event.getString("text") + "|" + frames.get(0).getMethod().getName());
        if (seen.incrementAndGet() >= wanted) stream.close();
      });
      stream.startAsync();
      stream.awaitTermination(Duration.ofSeconds(40));
    }
    System.out.println(seen.get() >= wanted ? "done" : "too few");
  }

  static Object post(String url, String token, String body) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(url)).header("Authorization", "Bearer " + token)
        .POST(HttpRequest.BodyPublishers.ofString(body)).build();
    var response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    var answer = (Map<?, ?>) new Parser(response.body()).value();
    if (((Number) answer.get("status")).intValue() != 200) {
      throw new java.io.IOException(String.valueOf(answer.get("error")));
    }
    return answer.get("value");
  }

  static Object result(String operation, Object value) throws Exception {
    if (value instanceof Map<?, ?> map) {
      var names = new String[] {"key", "value"};
      var types = new OpenType<?>[] {SimpleType.STRING, SimpleType.STRING};
      var row = new CompositeType("row", "row", names, names, types);
      var table = new TabularDataSupport(new TabularType("map", "map", row, new String[] {"key"}));
      for (var entry : map.entrySet()) {
        table.put(new CompositeDataSupport(row, names,
            new Object[] {entry.getKey(), String.valueOf(entry.getValue())}));
      }
      return table;
    }
    if (value instanceof List<?> list && operation.equals("readStream")) {
      var bytes = new byte[list.size()];
      for (int i = 0; i < bytes.length; i++) bytes[i] = ((Number) list.get(i)).byteValue();
      return bytes;
    }
    return value;
  }

  static String json(Object value) {
    // its implementation is a Map as well, of other things
    if (value instanceof TabularData table) {
      var map = new LinkedHashMap<String, Object>();
      for (Object row : table.values()) {
        var data = (CompositeData) row;
        map.put((String) data.get("key"), data.get("value"));
      }
      return json(map);
    }
    if (value instanceof Map<?, ?> map) {
      var parts = new ArrayList<String>();
      map.forEach((key, item) -> parts.add(json(String.valueOf(key)) + ":" + json(item)));
      return "{" + String.join(",", parts) + "}";
    }
    if (value instanceof List<?> list) {
      return "[" + String.join(",", list.stream().map(Remote::json).toList()) + "]";
    }
    if (value instanceof Number || value instanceof Boolean || value == null) return String.valueOf(value);
    return "\"" + value.toString().replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
  }

  /** As much of JSON as the answers use. */
  static final class Parser {
    final String text;
    int at;

    Parser(String text) {
      this.text = text;
    }

    Object value() {
      char c = text.charAt(at);
      if (c == '{') {
        var map = new LinkedHashMap<String, Object>();
        for (at++; text.charAt(at) != '}';) {
          if (text.charAt(at) == ',') at++;
          var key = (String) value();
          at++;
          map.put(key, value());
        }
        at++;
        return map;
      }
      if (c == '[') {
        var list = new ArrayList<Object>();
        for (at++; text.charAt(at) != ']';) {
          if (text.charAt(at) == ',') at++;
          list.add(value());
        }
        at++;
        return list;
      }
      if (c == '"') {
        var result = new StringBuilder();
        for (at++; text.charAt(at) != '"'; at++) {
          if (text.charAt(at) == '\\') at++;
          result.append(text.charAt(at));
        }
        at++;
        return result.toString();
      }
      int start = at;
      while (at < text.length() && ",]}".indexOf(text.charAt(at)) < 0) at++;
      String word = text.substring(start, at);
      return switch (word) {
        case "null" -> null;
        case "true" -> true;
        case "false" -> false;
        default -> word.contains(".") ? Double.valueOf(word) : (Object) Long.valueOf(word);
      };
    }
  }
}
