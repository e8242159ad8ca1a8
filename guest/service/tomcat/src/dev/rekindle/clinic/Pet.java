// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.clinic;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.ArrayList;
import java.util.List;
import javax.persistence.CascadeType;
import javax.persistence.Entity;
import javax.persistence.Id;
import javax.persistence.ManyToOne;
import javax.persistence.OneToMany;
import javax.persistence.OrderBy;

@Entity
public class Pet {
  @Id private int id;
  private String name;
  private String species;
  @ManyToOne private Owner owner;

  @OneToMany(mappedBy = "pet", cascade = CascadeType.ALL)
  @OrderBy("day, id")
  private List<Visit> visits = new ArrayList<>();

  protected Pet() {}

  Pet(int id, String name, String species, Owner owner) {
    this.id = id;
    this.name = name;
    this.species = species;
    this.owner = owner;
  }

  public int getId() {
    return id;
  }

  public String getName() {
    return name;
  }

  public String getSpecies() {
    return species;
  }

  @JsonIgnore
  public Owner getOwner() {
    return owner;
  }

  public List<Visit> getVisits() {
    return visits;
  }
}
