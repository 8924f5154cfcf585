package azureml

import "iter"

// Collect reads a list to its end: all items, or the items before a failure and the
// failure.
func Collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var items []T
	for item, err := range list {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}
