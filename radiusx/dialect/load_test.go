package dialect

import "testing"

func TestTheBuiltInDialectsLoad(t *testing.T) {
	set, err := Load(builtinFiles)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(set.Names())
}
