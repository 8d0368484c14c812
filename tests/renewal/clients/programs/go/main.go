// AWS SDK for Go v2: one client, for as long as there is more to do.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func main() {
	if os.Args[1] == "--version" {
		fmt.Println(aws.SDKVersion)
		return
	}
	bucket, endpoint := os.Args[1], os.Args[2]
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := s3.NewFromConfig(settings, func(o *s3.Options) {
		o.BaseEndpoint = &endpoint
		o.UsePathStyle = true
	})
	for state := []byte("more"); bytes.Contains(state, []byte("more")); {
		answer, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("state")})
		if err != nil {
			log.Fatal(err)
		}
		if state, err = io.ReadAll(answer.Body); err != nil {
			log.Fatal(err)
		}
	}
}
