// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.clinic;

import java.util.ArrayList;
import java.util.List;
import javax.persistence.CascadeType;
import javax.persistence.Entity;
import javax.persistence.Id;
import javax.persistence.OneToMany;
import javax.persistence.OrderBy;

@Entity
public class Owner {
  @Id private int id;
  private String name;
  private String city;

  @OneToMany(mappedBy = "owner", cascade = CascadeType.ALL)
  @OrderBy("id")
  private List<Pet> pets = new ArrayList<>();

  protected Owner() {}

  Owner(int id, String name, String city) {
    this.id = id;
    this.name = name;
    this.city = city;
  }

  public int getId() {
    return id;
  }

  public String getName() {
    return name;
  }

  public String getCity() {
    return city;
  }

  public List<Pet> getPets() {
    return pets;
  }
}
