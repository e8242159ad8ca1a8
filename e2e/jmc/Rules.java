// SPDX-License-Identifier: Apache-2.0
import java.io.File;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.RunnableFuture;
import org.openjdk.jmc.common.item.IItemCollection;
import org.openjdk.jmc.common.util.IPreferenceValueProvider;
import org.openjdk.jmc.flightrecorder.JfrLoaderToolkit;
import org.openjdk.jmc.flightrecorder.rules.IResult;
import org.openjdk.jmc.flightrecorder.rules.IRule;
import org.openjdk.jmc.flightrecorder.rules.ResultProvider;
import org.openjdk.jmc.flightrecorder.rules.RuleRegistry;
import org.openjdk.jmc.flightrecorder.rules.util.RulesToolkit;

/** Runs each of JDK Mission Control's rules on recordings; prints what they say, fails where one throws. */
public class Rules {
  public static void main(String[] files) throws Exception {
    boolean thrown = false;
    for (String file : files) {
      IItemCollection events = JfrLoaderToolkit.loadEvents(new File(file));
      Map<String, Integer> severities = new TreeMap<>();
      ResultProvider results = new ResultProvider();
      int count = 0;
      for (IRule rule : RuleRegistry.getRules()) {
        // as JMC does: a rule that needs events which nobody recorded is not asked
        if (!RulesToolkit.matchesEventAvailabilityMap(events, rule.getRequiredEvents())) continue;
        count++;
        try {
          RunnableFuture<IResult> evaluation =
              rule.createEvaluation(events, IPreferenceValueProvider.DEFAULT_VALUES, results);
          evaluation.run();
          IResult result = evaluation.get();
          results.addResults(result);
          severities.merge(String.valueOf(result.getSeverity()), 1, Integer::sum);
        } catch (Throwable problem) {
          thrown = true;
          System.err.println("SEVERE " + file + ": " + rule.getId());
          problem.printStackTrace();
        }
      }
      System.out.println(file + ": " + count + " rules of JMC apply and say " + severities);
    }
    if (thrown) System.exit(1);
  }
}
