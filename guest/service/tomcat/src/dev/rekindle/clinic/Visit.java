// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.clinic;

import com.fasterxml.jackson.annotation.JsonIgnore;
import javax.persistence.Column;
import javax.persistence.Entity;
import javax.persistence.GeneratedValue;
import javax.persistence.Id;
import javax.persistence.ManyToOne;

@Entity
public class Visit {
  @Id @GeneratedValue private long id;

  @Column(name = "visit_day") // DAY is a word of SQL
  private String day;

  private String reason;
  @ManyToOne private Pet pet;

  protected Visit() {}

  Visit(String day, String reason, Pet pet) {
    this.day = day;
    this.reason = reason;
    this.pet = pet;
  }

  public String getDay() {
    return day;
  }

  public String getReason() {
    return reason;
  }

  @JsonIgnore
  public Pet getPet() {
    return pet;
  }
}
