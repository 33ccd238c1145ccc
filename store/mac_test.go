package store_test

import (
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"cordon/quarantine"
	"cordon/store"
)

func TestAddressesOfEquipmentThatIsGoneAreForgotten(t *testing.T) {
	redis := miniredis.RunT(t)
	former := fmt.Sprintf("cordon:m:%03x", crc32.ChecksumIEEE([]byte(quarantine.NormalMAC("02:00:5e:00:00:00")))&0xfff)
	redis.HSet(former, "02005e005300", "bng1:before") // as versions before kept it
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := store.New(store.Config{Addrs: []string{redis.Addr()}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const n = 500
	events := make([]quarantine.SessionEvent, n)
	for i := range events {
		events[i] = quarantine.SessionEvent{
			Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: fmt.Sprint(i)}, Subscriber: "alice", At: now,
			StartedAt:  now,
			Attributes: []quarantine.Attribute{{Name: "Calling-Station-Id", Value: fmt.Sprintf("02:00:5e:00:%02x:%02x", i>>8, i&255)}},
		}
	}
	for _, err := range s.Record(t.Context(), events) {
		if err != nil {
			t.Fatal(err)
		}
	}
	entries := 0
	for _, key := range redis.Keys() {
		if !strings.HasPrefix(key, "cordon:m:") {
			continue
		}
		fields, err := redis.HKeys(key)
		if err != nil {
			t.Fatal(err)
		}
		entries += len(fields)
		if left := redis.TTL(key); left < store.DefaultIdle || left > 2*store.DefaultIdle {
			t.Fatalf("%s ends in %s, want one to two times %s", key, left, store.DefaultIdle)
		}
	}
	if entries != n || redis.Exists(former) {
		t.Errorf("%d entries, want %d; the former key is there: %v", entries, n, redis.Exists(former))
	}
	redis.FastForward(2 * store.DefaultIdle)
	for _, key := range redis.Keys() {
		if strings.HasPrefix(key, "cordon:m:") {
			t.Errorf("%s is kept for ever", key)
		}
	}
}
