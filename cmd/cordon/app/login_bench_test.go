package app

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// BenchmarkLogIn asks, over HTTP and real Redis, about restricted subscribers and
// others in turns, one after the other. Its figure is the time within which 99 %
// were answered; 2 ms is the goal.
func BenchmarkLogIn(b *testing.B) {
	redis := storetest.StartRedis(b, "--appendfsync", "everysec")
	text := fmt.Sprintf(`
redis: {addrs: [%q]}
journal: {dir: %s}
http: {listen: "127.0.0.1:0"}
profiles: [{name: garden, severity: 20, reachable: "112"}]
bngs:
  - {name: bng1, address: 192.0.2.1, secret: 0123456789abcdef0123456789abcdef, dialect: filter-id,
     profiles: {garden: {restricted: GARDEN, normal: PLAN}}}
policy: {mode: enforce}
`, redis.Socket, b.TempDir())
	cfg, parts, _, err := parse("bench.yaml", []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	app, err := New(b.Context(), cfg, parts, Options{})
	if err != nil {
		b.Fatal(err)
	}
	app.Start()
	defer app.Stop()
	wish := quarantine.ManualQuarantine{Subscriber: "u0", Profile: "garden", Reason: "bench", For: time.Hour, By: "bench"}
	if _, err := app.engine.Quarantine(b.Context(), wish, false); err != nil {
		b.Fatal(err)
	}
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for n := range b.N {
		began := time.Now()
		status := askLogIn(b, app, fmt.Sprint("u", n%2))
		took = append(took, time.Since(began))
		if want := []int{http.StatusOK, http.StatusNoContent}[n%2]; status != want {
			b.Fatalf("u%d: %d, want %d", n%2, status, want)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// askLogIn asks as rlm_rest does.
func askLogIn(b *testing.B, app *App, user string) (status int) {
	b.Helper()
	body := fmt.Sprintf(`{"User-Name":{"type":"string","value":[%q]},"NAS-IP-Address":{"type":"ipaddr","value":["192.0.2.1"]},`+
		`"Service-Type":{"type":"integer","value":["Framed-User"]},"NAS-Port-Id":{"type":"string","value":["ge-0/0/1.7"]}}`, user)
	answer, err := http.Post(fmt.Sprintf("http://%s/api/v1/radius/authorize", app.Addr()), "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := new(bytes.Buffer).ReadFrom(answer.Body); err != nil {
		b.Fatal(err)
	}
	return answer.StatusCode
}
