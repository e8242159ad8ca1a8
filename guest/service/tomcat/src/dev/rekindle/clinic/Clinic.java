// SPDX-License-Identifier: Apache-2.0
package dev.rekindle.clinic;

import java.io.File;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleState;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;
import org.springframework.web.context.support.XmlWebApplicationContext;
import org.springframework.web.servlet.DispatcherServlet;

/**
 * A service of the size people run: an animal clinic on Spring MVC, JPA (EclipseLink over H2 in memory) and
 * an embedded Tomcat, all of it from the distribution's packages.
 *
 * <pre>
 * GET  /                     the clinic's report and its SHA-256; the same bytes in every instance until a
 *                            visit is booked
 * GET  /owners?city=name     owners with their animals
 * GET  /owners/{id}
 * POST /pets/{id}/visits     books a visit: {"day":"2026-01-31","reason":"text"}
 * GET  /warm?rounds=n        computes the report n times
 * GET  /identity             what a clone must not share
 * GET  /health               ok
 * </pre>
 *
 * Properties: rekindle.port (8080), rekindle.owners (300), rekindle.rounds (warm-up, 5).
 */
public final class Clinic {
  private Clinic() {}

  public static void main(String[] arguments) throws Exception {
    long start = System.nanoTime();
    Logger.getLogger("").setLevel(Level.WARNING); // the console is a serial line
    int port = Integer.getInteger("rekindle.port", 8080);
    File base = Files.createTempDirectory("clinic").toFile();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base.getPath());
    tomcat.setPort(port);
    tomcat.getConnector().setProperty("maxThreads", "8");
    tomcat.getConnector().setProperty("minSpareThreads", "2");
    Context context = tomcat.addContext("", base.getPath());

    XmlWebApplicationContext beans = new XmlWebApplicationContext();
    beans.setConfigLocation("classpath:dev/rekindle/clinic/clinic.xml");
    Wrapper servlet = Tomcat.addServlet(context, "dispatcher", new DispatcherServlet(beans));
    servlet.setLoadOnStartup(1);
    context.addServletMappingDecoded("/", "dispatcher");
    tomcat.start();
    if (tomcat.getConnector().getState() != LifecycleState.STARTED) {
      throw new IllegalStateException("Tomcat did not start on port " + port);
    }
    beans.getBean(ClinicController.class).warm(Integer.getInteger("rekindle.rounds", 5));
    System.out.printf("rekindle-clinic: ready on port %d after %d ms%n", port, (System.nanoTime() - start) / 1_000_000);
    tomcat.getServer().await();
  }
}
