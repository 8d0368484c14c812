import java.net.URI;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.services.s3.S3Client;

/** AWS SDK for Java v2: one client, for as long as there is more to do. */
public class Client {
    public static void main(String[] words) {
        if (words[0].equals("--version")) {
            System.out.println(VersionInfo.SDK_VERSION);
            return;
        }
        try (S3Client s3 = S3Client.builder()
                .endpointOverride(URI.create(words[1]))
                .forcePathStyle(true)
                .build()) {
            String state = "more";
            while (state.contains("more")) {
                state = s3.getObjectAsBytes(get -> get.bucket(words[0]).key("state")).asUtf8String();
            }
        }
    }
}
