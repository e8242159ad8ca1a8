// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.clinic;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import javax.persistence.EntityManager;
import javax.persistence.PersistenceContext;
import org.springframework.stereotype.Repository;
import org.springframework.transaction.annotation.Transactional;

@Repository
public class JpaClinicStore implements ClinicStore {
  private static final String[] CITIES = {"Ulm", "Graz", "Bern", "Metz", "Lund", "Cork"};
  private static final String[] NAMES = {"Basil", "Rosy", "Lucky", "Sly", "Iggy", "Samantha", "Max", "Jewel"};
  private static final String[] SPECIES = {"bird", "cat", "dog", "hamster", "lizard", "snake"};
  private static final String[] REASONS = {"rabies shot", "spayed", "check-up", "limping", "teeth"};

  @PersistenceContext private EntityManager entities;

  @Override
  @Transactional
  public void fill(int owners) {
    SplittableRandom random = new SplittableRandom(42);
    int pets = 0;
    for (int id = 1; id <= owners; id++) {
      Owner owner = new Owner(id, "Owner " + id, CITIES[random.nextInt(CITIES.length)]);
      for (int i = random.nextInt(4); i > 0; i--) {
        Pet pet = new Pet(++pets, pick(NAMES, random), pick(SPECIES, random), owner);
        owner.getPets().add(pet);
        for (int j = random.nextInt(4); j > 0; j--) {
          String day = String.format("2026-%02d-%02d", 1 + random.nextInt(12), 1 + random.nextInt(28));
          pet.getVisits().add(new Visit(day, pick(REASONS, random), pet));
        }
      }
      entities.persist(owner);
    }
  }

  private static String pick(String[] from, SplittableRandom random) {
    return from[random.nextInt(from.length)];
  }

  @Override
  @Transactional(readOnly = true)
  public Owner owner(int id) {
    return entities.find(Owner.class, id);
  }

  @Override
  @Transactional(readOnly = true)
  public List<Owner> ownersIn(String city) {
    return entities
        .createQuery("select o from Owner o where o.city = :city order by o.id", Owner.class)
        .setParameter("city", city)
        .getResultList();
  }

  @Override
  @Transactional
  public Pet book(int pet, String day, String reason) {
    Pet found = entities.find(Pet.class, pet);
    if (found == null) return null;
    Visit visit = new Visit(day, reason, found);
    entities.persist(visit);
    found.getVisits().add(visit);
    return found;
  }

  @Override
  @Transactional(readOnly = true)
  public List<Map<String, Object>> visitsBySpecies() {
    List<Object[]> rows =
        entities
            .createQuery(
                "select p.species, count(distinct p.id), count(v) from Visit v join v.pet p"
                    + " where v.day < '2027' group by p.species order by p.species",
                Object[].class)
            .getResultList();
    List<Map<String, Object>> result = new ArrayList<>();
    for (Object[] row : rows) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("species", row[0]);
      line.put("pets", row[1]);
      line.put("visits", row[2]);
      result.add(line);
    }
    return result;
  }
}
