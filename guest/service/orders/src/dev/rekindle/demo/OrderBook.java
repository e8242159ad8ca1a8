// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.demo;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/** Products and their orders, made up from a fixed seed: every instance holds the same. */
final class OrderBook {
  private static final String[] ADJECTIVES = {"Red", "Quiet", "Folding", "Heavy", "Bright", "Plain", "Woven", "Round"};
  private static final String[] NOUNS = {"Lamp", "Table", "Kettle", "Chair", "Shelf", "Clock", "Basket", "Mirror", "Rug"};
  private static final String[] CATEGORIES = {"bath", "garden", "kitchen", "living", "office"};

  private record Order(int product, int quantity, String customer) {}

  private final Map<Integer, Product> products = new HashMap<>();
  private final List<Order> orders = new ArrayList<>();

  private OrderBook() {}

  static OrderBook of(int products, int orders) {
    OrderBook book = new OrderBook();
    SplittableRandom random = new SplittableRandom(42);
    for (int id = 1; id <= products; id++) {
      String name = ADJECTIVES[random.nextInt(ADJECTIVES.length)] + " " + NOUNS[random.nextInt(NOUNS.length)] + " " + id;
      book.products.put(id, new Product(id, name, CATEGORIES[random.nextInt(CATEGORIES.length)], 100 + random.nextInt(50_000)));
    }
    for (int i = 0; i < orders; i++)
      book.orders.add(new Order(1 + random.nextInt(products), 1 + random.nextInt(9), "customer-" + random.nextInt(10_000)));
    return book;
  }

  int size() {
    return orders.size();
  }

  Product product(int id) {
    return products.get(id);
  }

  List<Product> search(String word) {
    String lower = word.toLowerCase(Locale.ROOT);
    return products.values().stream()
        .filter(p -> p.name().toLowerCase(Locale.ROOT).contains(lower))
        .sorted(Comparator.comparingInt(Product::id))
        .toList();
  }

  Map<String, Long> salesByCategory() {
    Map<String, Long> sales = new TreeMap<>();
    for (Order order : orders) {
      Product product = products.get(order.product());
      sales.merge(product.category(), (long) product.cents() * order.quantity(), Long::sum);
    }
    return sales;
  }

  List<Product> bestSellers(int count) {
    Map<Integer, Integer> sold = new HashMap<>();
    for (Order order : orders) sold.merge(order.product(), order.quantity(), Integer::sum);
    return sold.entrySet().stream()
        .sorted(Map.Entry.<Integer, Integer>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()))
        .limit(count)
        .map(e -> products.get(e.getKey()))
        .toList();
  }
}
