// AWS SDK for JavaScript v3: one client, for as long as there is more to do.
import { createRequire } from "node:module";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

const [bucket, endpoint] = process.argv.slice(2);
if (bucket === "--version") {
  console.log(createRequire(import.meta.url)("@aws-sdk/client-s3/package.json").version);
  process.exit();
}
const s3 = new S3Client({ endpoint, forcePathStyle: true });
let state = "more";
while (state.includes("more")) {
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: "state" }));
  state = await answer.Body.transformToString();
}
