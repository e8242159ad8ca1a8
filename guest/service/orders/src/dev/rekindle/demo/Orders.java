// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.demo;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/**
 * The demo's web service: an order book held in memory.
 *
 * <pre>
 * GET /                 the sales report and its SHA-256; the same bytes in every instance
 * GET /products/{id}    one product
 * GET /search?q=word    products whose name holds the word (at most 20)
 * GET /warm?rounds=n    computes the report n times; answers how long the last round took
 * GET /identity         what a clone must not share: a random id, the wall clock, the uptime
 * GET /health           ok
 * </pre>
 *
 * Properties: rekindle.port (8080), rekindle.orders (20000), rekindle.rounds (warm-up, 20).
 */
public final class Orders {
  private interface Answer {
    String of(String argument) throws IOException;
  }

  private static final SecureRandom RANDOM = new SecureRandom();

  private final OrderBook book;

  private Orders(OrderBook book) {
    this.book = book;
  }

  public static void main(String[] arguments) throws IOException {
    long start = System.nanoTime();
    int port = Integer.getInteger("rekindle.port", 8080);
    Orders service = new Orders(OrderBook.of(2000, Integer.getInteger("rekindle.orders", 20_000)));
    HttpServer server = HttpServer.create(new InetSocketAddress(port), 64);
    server.setExecutor(Executors.newFixedThreadPool(4));
    service.route(server, "/", path -> path.equals("/") ? service.report() : null);
    service.route(server, "/products/", path -> service.product(path.substring("/products/".length())));
    service.route(server, "/search", service::search);
    service.route(server, "/warm", service::warm);
    service.route(server, "/identity", path -> identity());
    service.route(server, "/health", path -> "{\"status\":\"ok\"}");
    service.warm("/warm?rounds=" + Integer.getInteger("rekindle.rounds", 20));
    server.start();
    System.out.printf("rekindle-demo: ready on port %d after %d ms%n", port, (System.nanoTime() - start) / 1_000_000);
  }

  private void route(HttpServer server, String prefix, Answer answer) {
    server.createContext(prefix, exchange -> respond(exchange, answer));
  }

  private static void respond(HttpExchange exchange, Answer answer) throws IOException {
    try (exchange) {
      int status = 200;
      String body;
      try {
        body = answer.of(exchange.getRequestURI().toString());
        if (body == null) {
          status = 404;
          body = "{\"error\":\"not found\"}";
        }
      } catch (NumberFormatException malformed) {
        status = 400;
        body = "{\"error\":\"a number is wanted\"}";
      }
      byte[] bytes = (body + "\n").getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  /** Everything but the digest is what the digest is of, so the host can check the answer. */
  private String report() {
    String sales =
        book.salesByCategory().entrySet().stream()
            .map(e -> "\"" + e.getKey() + "\":" + e.getValue())
            .collect(Collectors.joining(",", "{", "}"));
    String top =
        book.bestSellers(5).stream()
            .map(Product::json)
            .collect(Collectors.joining(",", "[", "]"));
    String content = "\"orders\":" + book.size() + ",\"cents\":" + sales + ",\"best\":" + top;
    return "{\"service\":\"rekindle-demo\"," + content + ",\"digest\":\"" + Digest.sha256(content) + "\"}";
  }

  private String product(String id) {
    Product product = book.product(Integer.parseInt(id));
    return product == null ? null : product.json();
  }

  private String search(String path) {
    String word = parameter(path, "q", "");
    return book.search(word).stream().limit(20).map(Product::json).collect(Collectors.joining(",", "[", "]"));
  }

  private String warm(String path) {
    int rounds = Integer.parseInt(parameter(path, "rounds", "1"));
    long last = 0;
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      report();
      last = System.nanoTime() - start;
    }
    return "{\"rounds\":" + rounds + ",\"nanos\":" + last + "}";
  }

  private static String identity() {
    byte[] bytes = new byte[16];
    RANDOM.nextBytes(bytes);
    return "{\"uuid\":\"" + UUID.randomUUID() + "\",\"random\":\"" + HexFormat.of().formatHex(bytes)
        + "\",\"wallMillis\":" + System.currentTimeMillis() + ",\"nanoTime\":" + System.nanoTime() + "}";
  }

  private static String parameter(String path, String name, String otherwise) {
    int question = path.indexOf('?');
    if (question < 0) return otherwise;
    for (String pair : path.substring(question + 1).split("&")) {
      Map.Entry<String, String> entry = split(pair);
      if (entry.getKey().equals(name)) return entry.getValue();
    }
    return otherwise;
  }

  private static Map.Entry<String, String> split(String pair) {
    int equals = pair.indexOf('=');
    return equals < 0 ? Map.entry(pair, "") : Map.entry(pair.substring(0, equals), pair.substring(equals + 1));
  }
}
