// Prints each configuration of a topic that Kafka's broker knows, with its default: name=value. Run: java -cp 'KAFKA/libs/*' TopicConfigs.java
import org.apache.kafka.storage.internals.log.LogConfig;

public class TopicConfigs {
  public static void main(String[] args) {
    for (String name : LogConfig.configNames()) {
      Object value = LogConfig.configKeys().get(name).defaultValue;
      String text = value == null ? "" : value.toString();
      System.out.println(name + "=" + (text.startsWith("[") ? text.substring(1, text.length() - 1) : text));
    }
  }
}
