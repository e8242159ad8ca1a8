// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.clinic;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.annotation.PostConstruct;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping(produces = MediaType.APPLICATION_JSON_VALUE)
public class ClinicController {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final ClinicStore store;
  private final ObjectMapper json = new ObjectMapper();

  @Autowired
  public ClinicController(ClinicStore store) {
    this.store = store;
  }

  @PostConstruct
  void fill() {
    store.fill(Integer.getInteger("rekindle.owners", 300));
  }

  /** Everything but the digest is what the digest is of, so the host can check the answer. */
  @RequestMapping("/")
  public String report() throws IOException {
    Map<String, Object> content = new LinkedHashMap<>();
    content.put("visits", store.visitsBySpecies());
    content.put("ulm", store.ownersIn("Ulm").subList(0, 3));
    String text = json.writeValueAsString(content);
    text = text.substring(1, text.length() - 1);
    return "{\"service\":\"rekindle-clinic\"," + text + ",\"digest\":\"" + sha256(text) + "\"}\n";
  }

  @RequestMapping("/owners")
  public List<Owner> owners(@RequestParam("city") String city) {
    return store.ownersIn(city);
  }

  @RequestMapping("/owners/{id}")
  public ResponseEntity<Owner> owner(@PathVariable("id") int id) {
    return found(store.owner(id));
  }

  @RequestMapping(value = "/pets/{id}/visits", method = RequestMethod.POST)
  public ResponseEntity<Pet> book(@PathVariable("id") int id, @RequestBody Map<String, String> visit) {
    return found(store.book(id, visit.get("day"), visit.get("reason")));
  }

  private static <T> ResponseEntity<T> found(T value) {
    return value == null ? new ResponseEntity<T>(HttpStatus.NOT_FOUND) : ResponseEntity.ok(value);
  }

  @RequestMapping("/warm")
  public Map<String, Object> warm(@RequestParam("rounds") int rounds) throws IOException {
    long last = 0;
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      report();
      last = System.nanoTime() - start;
    }
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("rounds", rounds);
    answer.put("nanos", last);
    return answer;
  }

  @RequestMapping("/identity")
  public Map<String, Object> identity() {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("uuid", UUID.randomUUID().toString());
    answer.put("random", Long.toHexString(RANDOM.nextLong()));
    answer.put("wallMillis", System.currentTimeMillis());
    answer.put("nanoTime", System.nanoTime());
    return answer;
  }

  @RequestMapping("/health")
  public String health() {
    return "{\"status\":\"ok\"}\n";
  }

  private static String sha256(String text) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      StringBuilder hex = new StringBuilder();
      for (byte b : hash) hex.append(String.format("%02x", b));
      return hex.toString();
    } catch (NoSuchAlgorithmException absent) {
      throw new IllegalStateException("every JDK has SHA-256", absent);
    }
  }
}
