// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.demo;

/** Something that is sold. {@code cents} is the price of one. */
record Product(int id, String name, String category, int cents) {
  String json() {
    return "{\"id\":" + id + ",\"name\":\"" + name + "\",\"category\":\"" + category + "\",\"cents\":" + cents + "}";
  }
}
