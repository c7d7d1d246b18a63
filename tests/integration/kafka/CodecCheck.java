// Reads golden_messages.txt on standard input, parses each body with Kafka's own message classes,
// writes it again and compares. Run: java -cp 'KAFKA/libs/*' CodecCheck.java < golden_messages.txt
import java.io.*;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.*;

public class CodecCheck {
  public static void main(String[] args) throws Exception {
    int passed = 0, failed = 0;
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] parts = line.split(" ", -1);
      ApiMessageType type = ApiMessageType.fromApiKey(Short.parseShort(parts[0]));
      short version = Short.parseShort(parts[2]);
      String problem = check(type, parts[1].equals("request"), version, parts[3]);
      if (problem == null) {
        passed++;
      } else {
        failed++;
        System.out.println(type + " " + parts[1] + " " + version + ": " + problem);
      }
    }
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 && passed > 0 ? 0 : 1);
  }

  static String check(ApiMessageType type, boolean request, short version, String hex) {
    try {
      ApiMessage message = request ? type.newRequest() : type.newResponse();
      ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
      message.read(new ByteBufferAccessor(bytes), version);
      if (bytes.hasRemaining()) return bytes.remaining() + " bytes left";
      String again = HexFormat.of().formatHex(MessageUtil.toByteBufferAccessor(message, version).buffer().array());
      return again.equals(hex) ? null : "\n  ours   " + hex + "\n  theirs " + again;
    } catch (Exception error) {
      return error.toString();
    }
  }
}
