package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// The names that the example uses in the workspace.
const (
	clusterName  = "quick-aks"
	attachedName = "quick-attached"
	modelName    = "diabetes"
	modelFile    = "diabetes.json"
	keyService   = "diabetes-key"
	tokenService = "diabetes-token"
	patients     = 3
)

// job is one run of the example.
type job struct {
	settings settings
	in       *bufio.Reader
	out      io.Writer
	errOut   io.Writer
	left     leftovers

	emulator *azuremltest.Server // nil with -live
	options  azcore.ClientOptions
	ws       *workspace.Workspace
	attached *compute.AksCompute
	model    *model.Model
	service  *webservice.AksWebservice
	input    []byte
	measured []string // what the study found, for each row of the input
}

// step prints a numbered headline.
func (j *job) step(number int, what string) { fmt.Fprintf(j.out, "%d. %s\n", number, what) }

// say prints a line about the step.
func (j *job) say(format string, args ...any) { fmt.Fprintf(j.out, "   "+format+"\n", args...) }

// wait shows the live status of an operation below the step.
func (j *job) wait() *azureml.WaitOptions { return &azureml.WaitOptions{Output: j.errOut} }

func (j *job) run(ctx context.Context) error {
	if !j.settings.live {
		srv, err := emulate()
		if err != nil {
			return err
		}
		defer srv.Close()
		j.emulator, j.options = srv, srv.ClientOptions()
	}
	for _, step := range []func(context.Context) error{
		j.look, j.open, j.provision, j.attach, j.register, j.deploy, j.score, j.rotate, j.deployWithTokens, j.cleanUp,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintln(j.out, "Done.")
	return nil
}

// look checks the example's files and takes the input, before anything is made that
// costs money.
func (j *job) look(context.Context) error {
	for _, name := range []string{filepath.Join("model", modelFile), "score.py", "environment.yml"} {
		if _, err := os.Stat(filepath.Join(j.settings.dir, name)); err != nil {
			return fmt.Errorf("the example lacks a file (run it from the top of the repository, or name its folder with -dir): %w", err)
		}
	}
	return j.readInput()
}

// cluster names the provisioned compute among what is left behind.
func cluster(name string) string { return "compute " + name + ", with its cluster" }

// open signs in and opens the workspace.
func (j *job) open(ctx context.Context) error {
	j.step(1, "Take the service principal of AML_TENANT_ID, AML_PRINCIPAL_ID and AML_PRINCIPAL_PASS")
	credential, err := authentication.NewServicePrincipalFromEnvironment(&authentication.ServicePrincipalOptions{ClientOptions: j.options})
	if err != nil {
		return err
	}
	j.say("application %s of tenant %s", os.Getenv("AML_PRINCIPAL_ID"), os.Getenv("AML_TENANT_ID"))

	j.step(2, "Sign in and open the workspace that config.json names")
	path := j.settings.config
	if path == "" && !j.settings.live {
		path = filepath.Join(j.settings.dir, "config.json")
	}
	j.ws, err = workspace.FromConfig(ctx, credential, &workspace.FromConfigOptions{ClientOptions: j.options, Path: path})
	if err != nil {
		return err
	}
	j.say("%s in %s", j.ws, j.ws.Location)
	j.say("named by %s", relative(j.ws.ConfigFile))
	return nil
}

// provision makes a cluster.
func (j *job) provision(ctx context.Context) error {
	j.step(3, "Provision an AKS cluster, and attach an existing one")
	yes, err := j.confirm(ctx, "Make an AKS cluster of 3 × Standard_D3_v2? It takes some 20 minutes and costs money until it is deleted.")
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("stopped as you said; without a cluster there is nothing to show")
	}
	made := j.left.begin(cluster(clusterName))
	poller, err := compute.BeginCreate(ctx, j.ws, clusterName, compute.AksProvisioningConfiguration{AgentCount: 3, VMSize: "Standard_D3_v2"}, nil)
	if err != nil {
		return err
	}
	aks, err := azureml.Wait(ctx, poller, j.wait())
	if err != nil {
		return err
	}
	made()
	j.say("%s: %s", aks.Name, aks.ProvisioningState)
	return nil
}

// attach attaches the cluster that exists.
func (j *job) attach(ctx context.Context) error {
	configuration := compute.AksAttachConfiguration{ResourceID: j.settings.cluster}
	switch {
	case j.emulator != nil:
		configuration = compute.AksAttachConfiguration{ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: azuremltest.ClusterName}
	case j.settings.cluster == "":
		j.say("no cluster is attached: -attach names none")
		return nil
	}
	made := j.left.begin("compute " + attachedName)
	poller, err := compute.BeginAttach(ctx, j.ws, attachedName, configuration, nil)
	if err != nil {
		return err
	}
	if j.attached, err = azureml.Wait(ctx, poller, j.wait()); err != nil {
		return err
	}
	made()
	j.say("%s: %s", j.attached.Name, j.attached.ProvisioningState)
	return nil
}

// register uploads the model file.
func (j *job) register(ctx context.Context) error {
	j.step(4, "Register the model")
	path := filepath.Join(j.settings.dir, "model", modelFile)
	made := j.left.begin("a version of model " + modelName)
	var err error
	j.model, err = model.Register(ctx, j.ws, modelName, path, &model.RegisterOptions{
		Description: "linear regression on the diabetes study",
		Tags:        map[string]string{"example": "quickstart"},
	})
	if err != nil {
		return err
	}
	made()
	j.say("%s registered as %s", relative(path), j.model.ID)
	if j.emulator == nil {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	stored, err := j.stored()
	if err != nil {
		return err
	}
	if sha256.Sum256(stored) != sha256.Sum256(content) {
		return fmt.Errorf("the stored model differs from %s", path)
	}
	j.say("found again in the blob storage: %d bytes, SHA-256 %.12x…", len(stored), sha256.Sum256(stored))
	return nil
}

// stored reads the model's bytes out of the emulator's blob storage.
func (j *job) stored() ([]byte, error) {
	for _, name := range j.emulator.Blobs(azuremltest.Workspace{}) {
		if strings.HasSuffix(name, "/"+modelFile) {
			if content, ok := j.emulator.Blob(name); ok {
				return content, nil
			}
		}
	}
	return nil, fmt.Errorf("no blob %s in the storage", modelFile)
}

// inference says what runs: the entry script and its environment.
func (j *job) inference() (*model.InferenceConfig, error) {
	environment, err := model.NewEnvironmentFromCondaFile("diabetes-env", filepath.Join(j.settings.dir, "environment.yml"))
	if err != nil {
		return nil, err
	}
	return &model.InferenceConfig{EntryScript: filepath.Join(j.settings.dir, "score.py"), Environment: environment}, nil
}

// deployService deploys the model to the provisioned cluster.
func (j *job) deployService(ctx context.Context, name string, configuration webservice.AksDeployConfiguration) (*webservice.AksWebservice, error) {
	inference, err := j.inference()
	if err != nil {
		return nil, err
	}
	configuration.ComputeTarget = clusterName
	configuration.CPUCores, configuration.MemoryGB = 1, 1
	made := j.left.begin("web service " + name)
	poller, err := model.BeginDeploy(ctx, j.ws, name, []*model.Model{j.model}, inference, configuration, nil)
	if err != nil {
		return nil, err
	}
	if j.emulator != nil {
		j.emulator.SetScorer(name, score)
	}
	service, err := azureml.Wait(ctx, poller, j.wait())
	if err != nil {
		return nil, err
	}
	made()
	j.say("%s: %s at %s", service.Name, service.State, service.ScoringURI)
	return service, nil
}

func (j *job) deploy(ctx context.Context) (err error) {
	j.step(5, "Deploy it with an environment and an entry script")
	j.service, err = j.deployService(ctx, keyService, webservice.AksDeployConfiguration{})
	return err
}

// readInput takes the first patients of the study.
func (j *job) readInput() error {
	file, err := os.Open(filepath.Join(j.settings.dir, "data", "diabetes.csv"))
	if err != nil {
		return fmt.Errorf("the example lacks a file: %w", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return err
	}
	if len(rows) <= patients {
		return fmt.Errorf("%s has fewer than %d rows", file.Name(), patients)
	}
	var request struct {
		Data [][]float64 `json:"data"`
	}
	for _, row := range rows[1 : patients+1] {
		numbers := make([]float64, len(row)-1)
		for i := range numbers {
			if numbers[i], err = strconv.ParseFloat(row[i], 64); err != nil {
				return fmt.Errorf("%s: %w", file.Name(), err)
			}
		}
		request.Data = append(request.Data, numbers)
		j.measured = append(j.measured, row[len(row)-1])
	}
	j.input, err = json.Marshal(request)
	return err
}

// score sends real input.
func (j *job) score(ctx context.Context) error {
	j.step(6, "Score with the key")
	keys, err := j.service.Keys(ctx)
	if err != nil {
		return err
	}
	j.say("two keys, of %d and %d characters, not shown", keys.Primary.Len(), keys.Secondary.Len())
	answer, err := j.service.Run(ctx, j.input)
	if err != nil {
		return err
	}
	var predictions []float64
	if err := json.Unmarshal(answer, &predictions); err != nil {
		return fmt.Errorf("the service's answer is no list of predictions: %w", err)
	}
	for i, p := range predictions {
		j.say("patient %d: predicted %.1f, measured %s", i+1, p, j.measured[i])
	}
	return nil
}

// rotate regenerates a key and shows what that does.
func (j *job) rotate(ctx context.Context) error {
	scorer, err := j.service.Scorer(ctx, nil)
	if err != nil {
		return err
	}
	defer scorer.Close()
	if _, err := scorer.Run(ctx, j.input); err != nil {
		return err
	}
	old, err := j.service.Keys(ctx)
	if err != nil {
		return err
	}
	if _, err := j.service.RegenerateKey(ctx, webservice.KeyTypePrimary, nil); err != nil {
		return err
	}
	j.say("the primary key was regenerated")
	stale, err := webservice.NewScorer(j.service.ScoringURI, webservice.ScorerAuth{PrimaryKey: old.Primary}, &webservice.ScorerOptions{Transport: j.transport()})
	if err != nil {
		return err
	}
	defer stale.Close()
	if _, err := stale.Run(ctx, j.input); !errors.Is(err, azureml.ErrUnauthorized) {
		return fmt.Errorf("the old key should be refused, but: %w", err)
	}
	j.say("the old key is refused")
	if _, err := scorer.Run(ctx, j.input); err != nil {
		return err
	}
	j.say("a Scorer made before goes on by itself")
	return nil
}

// deployWithTokens deploys a service that asks for tokens.
func (j *job) deployWithTokens(ctx context.Context) error {
	j.step(7, "Deploy a second service with token authentication")
	service, err := j.deployService(ctx, tokenService, webservice.AksDeployConfiguration{TokenAuthEnabled: to.Ptr(true)})
	if err != nil {
		return err
	}
	token, err := service.Token(ctx)
	if err != nil {
		return err
	}
	j.say("a token of %d characters, to be renewed after %s", token.Token.Len(), token.RefreshAfter.Format("15:04 MST"))
	answer, err := service.Run(ctx, j.input)
	if err != nil {
		return err
	}
	j.say("scored with the token: %s", answer)
	return nil
}

// transport is how services are reached: through the emulator, or by default.
func (j *job) transport() http.RoundTripper {
	if j.emulator == nil {
		return nil
	}
	return j.emulator.Client().Transport
}

// relative shortens a path for the reader.
func relative(path string) string {
	if dir, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(short, "..") {
			return short
		}
	}
	return path
}
