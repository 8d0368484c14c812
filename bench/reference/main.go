// Stands in for the Go original in `make bench` where that cannot be had: the same work with the
// current AWS SDK for Go, without any of the original's options.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func run(role string, command []string) error {
	ctx := context.Background()
	configuration, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	answer, err := sts.NewFromConfig(configuration).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn:         aws.String(role),
		RoleSessionName: aws.String("reference"),
		DurationSeconds: aws.Int32(3600),
	})
	if err != nil {
		return err
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	os.Setenv("AWS_ACCESS_KEY_ID", *answer.Credentials.AccessKeyId)
	os.Setenv("AWS_SECRET_ACCESS_KEY", *answer.Credentials.SecretAccessKey)
	os.Setenv("AWS_SESSION_TOKEN", *answer.Credentials.SessionToken)
	return syscall.Exec(path, command, os.Environ())
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: reference ROLE-ARN COMMAND [ARGUMENT...]")
		os.Exit(64)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
