// Command unchanged is a program that knows nothing of the emulator: it signs in as
// AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET say and prints the
// subscriptions that it sees, with azidentity and azcore alone.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func main() {
	if err := list(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list(ctx context.Context) error {
	cred, err := azidentity.NewEnvironmentCredential(nil)
	if err != nil {
		return err
	}
	client, err := arm.NewClient("unchanged", "v1.0.0", cred, nil)
	if err != nil {
		return err
	}
	req, err := runtime.NewRequest(ctx, http.MethodGet, client.Endpoint()+"/subscriptions?api-version=2022-12-01")
	if err != nil {
		return err
	}
	resp, err := client.Pipeline().Do(req)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return runtime.NewResponseError(resp)
	}
	var found struct {
		Value []struct{ SubscriptionID string }
	}
	if err := runtime.UnmarshalAsJSON(resp, &found); err != nil {
		return err
	}
	for _, s := range found.Value {
		fmt.Println(s.SubscriptionID)
	}
	return nil
}
