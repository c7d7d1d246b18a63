import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node on loopback, without security: java -cp 'libs/*' OpenSearchNode.java FOLDER PORT. Ends with SIGTERM. */
public class OpenSearchNode {
    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("http.port", arguments[1]);
            settings.put("http.host", "127.0.0.1");
            settings.put("transport.host", "127.0.0.1");
            settings.put("discovery.type", "single-node");
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        });
        runner.build(OpenSearchRunner.newConfigs().clusterName("mainstem-tests").numOfNode(1).basePath(arguments[0]).useLogger());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception error) {
                System.err.println(error);
            }
        }));
        Thread.currentThread().join();
    }
}
