package recipes

import (
	"os"
	"testing"

	"github.com/azureml-go/azureml/internal/recording"
)

func TestMain(m *testing.M) { os.Exit(recording.Main(m)) }
