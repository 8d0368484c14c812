//! AWS SDK for Rust: one client, for as long as there is more to do.

use aws_sdk_s3::{config::Builder, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    if words[1] == "--version" {
        println!("{}", aws_sdk_s3::meta::PKG_VERSION);
        return Ok(());
    }
    let settings = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let s3 = Client::from_conf(
        Builder::from(&settings)
            .endpoint_url(&words[2])
            .force_path_style(true)
            .build(),
    );
    loop {
        let answer = s3.get_object().bucket(&words[1]).key("state").send().await?;
        let state = answer.body.collect().await?.to_vec();
        if !String::from_utf8(state)?.contains("more") {
            return Ok(());
        }
    }
}
