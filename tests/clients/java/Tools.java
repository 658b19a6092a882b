// Runs Kafka's stock tools one after the other in one JVM, which takes a second to start: a line of standard input is
// ["main class", "standard input", "argument"...], its answer a line {"code": 0, "out": "...", "err": "..."}.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

public class Tools {
    /** Thrown where a tool would end the JVM; some of them print it. */
    static class Ended extends Error {
        Ended() { super("ended", null, false, false); }
    }

    private static Integer code;

    static void end(int wanted, String message) {
        if (code == null) code = wanted;
        throw new Ended();
    }

    static void run(String main, String[] arguments) throws Exception {
        List<Runnable> hooks = new ArrayList<>();
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        code = null;
        try {
            Class.forName(main).getMethod("main", String[].class).invoke(null, (Object) arguments);
            code = code == null ? 0 : code;
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Ended)) {  // what the JVM does with it
                e.getCause().printStackTrace();
                code = 1;
            }
        }
        for (Runnable hook : hooks) hook.run();
    }

    public static void main(String[] unused) throws Exception {
        ObjectMapper json = new ObjectMapper();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream answers = System.out;
        // The same for all of them: Scala's tools keep the streams that they find first.
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, "UTF-8"));
        System.setErr(new PrintStream(err, true, "UTF-8"));
        Exit.setExitProcedure(Tools::end);
        Exit.setHaltProcedure(Tools::end);
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = json.readValue(line, String[].class);
            System.setIn(new ByteArrayInputStream(words[1].getBytes("UTF-8")));
            run(words[0], Arrays.copyOfRange(words, 2, words.length));
            answers.println(json.writeValueAsString(
                Map.of("code", code, "out", out.toString("UTF-8"), "err", err.toString("UTF-8"))));
            answers.flush();
            out.reset();
            err.reset();
        }
        System.exit(0);
    }
}
