// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.clinic;

import java.util.List;
import java.util.Map;

/** Owners, animals and visits. */
interface ClinicStore {
  /** Makes the data up from a fixed seed, so that every instance holds the same. */
  void fill(int owners);

  /** Null where there is none; so is every answer about one. */
  Owner owner(int id);

  List<Owner> ownersIn(String city);

  Pet book(int pet, String day, String reason);

  /** How many animals of each kind came how often, up to the end of 2026. */
  List<Map<String, Object>> visitsBySpecies();
}
