package recording

import (
	"os"
	"strings"
)

// Main runs a package's tests without what the developer's shell says about Azure: call
// it from TestMain.
//
//	func TestMain(m *testing.M) { os.Exit(recording.Main(m)) }
func Main(m interface{ Run() int }) int {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if name == Variable || name == "AZUREML_GOLDEN_DIR" || name == "AZUREML_HEAVY" {
			continue
		}
		for _, prefix := range []string{"AZUREML_", "AZURE_", "AML_", "ARM_"} {
			if strings.HasPrefix(name, prefix) && os.Unsetenv(name) != nil {
				return 1
			}
		}
	}
	return m.Run()
}
