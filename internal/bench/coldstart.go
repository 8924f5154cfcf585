package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// coldStart builds a program that scores, and runs it against the emulator, reached as any
// program is: by HTTPS_PROXY and a file with the authority to trust.
func coldStart(ctx context.Context, s settings) ([]line, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "coldstart")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./internal/bench/coldstart")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	if err := deployOnce(ctx, srv, dir); err != nil {
		return nil, err
	}
	authority := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(authority, srv.CACertificate(), 0o600); err != nil {
		return nil, err
	}
	var afterToken, afterStart []float64
	for range max(s.rounds, 1) {
		command := exec.CommandContext(ctx, program, azuremltest.WorkspaceName, azuremltest.SubscriptionID, azuremltest.ResourceGroup, "svc")
		command.Env = append(os.Environ(), "HTTPS_PROXY="+srv.ProxyURL(), "HTTP_PROXY="+srv.ProxyURL(), "SSL_CERT_FILE="+authority,
			"AML_TENANT_ID="+azuremltest.TenantID, "AML_PRINCIPAL_ID="+azuremltest.ClientID, "AML_PRINCIPAL_PASS="+azuremltest.ClientSecret,
			"COLDSTART_BEGAN="+strconv.FormatInt(time.Now().UnixNano(), 10))
		out, err := command.Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		if err != nil {
			return nil, err
		}
		var token, start float64
		if _, err := fmt.Sscan(string(out), &token, &start); err != nil {
			return nil, fmt.Errorf("%q: %w", out, err)
		}
		afterToken, afterStart = append(afterToken, token), append(afterStart, start)
	}
	megabytes := float64(info.Size()) / 1e6
	after := time.Duration(median(afterToken))
	return []line{{
		row: 10, work: "start of a program to its first scored answer", baseline: "–",
		figure: fmt.Sprintf("binary %.1f MB stripped, %.0f ms after the token, %.0f ms after the start", megabytes,
			after.Seconds()*1e3, time.Duration(median(afterStart)).Seconds()*1e3),
		goal: "≤ 12 MB, ≤ 50 ms after the token", met: megabytes <= 12 && after <= 50*time.Millisecond,
	}}, nil
}

// deployOnce makes the service "svc".
func deployOnce(ctx context.Context, srv *azuremltest.Server, dir string) error {
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		return err
	}
	quick := &azureml.WaitOptions{MinInterval: time.Millisecond}
	cluster, err := compute.BeginCreate(ctx, ws, "aks", compute.AksProvisioningConfiguration{}, nil)
	if err != nil {
		return err
	}
	if _, err := azureml.Wait(ctx, cluster, quick); err != nil {
		return err
	}
	script := filepath.Join(dir, "score.py")
	if err := os.WriteFile(script, []byte("def init(): pass\ndef run(data): return data\n"), 0o600); err != nil {
		return err
	}
	m, err := model.Register(ctx, ws, "mymodel", script, nil)
	if err != nil {
		return err
	}
	p, err := model.BeginDeploy(ctx, ws, "svc", []*model.Model{m}, &model.InferenceConfig{EntryScript: script, Environment: model.NewEnvironment("env")},
		webservice.AksDeployConfiguration{ComputeTarget: "aks"}, nil)
	if err != nil {
		return err
	}
	_, err = azureml.Wait(ctx, p, quick)
	return err
}
