package radiusx

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func TestAChangedPacketHasABadMessageAuthenticator(t *testing.T) {
	packet, err := hex.DecodeString(goldenVectors[0].request)
	if err != nil {
		t.Fatal(err)
	}
	zero := make([]byte, AuthenticatorLength)
	if got := CheckMessageAuthenticator(packet, []byte(goldenSecret), zero); got != MessageAuthenticatorValid {
		t.Fatalf("as it was sent: %v, want valid", got)
	}
	if got := CheckMessageAuthenticator(packet, []byte("other"), zero); got != MessageAuthenticatorBad {
		t.Errorf("another secret: %v, want bad", got)
	}
	for at := range packet {
		if at >= authenticatorOffset && at < HeaderLength {
			continue // the authenticator's place is given by the caller
		}
		changed := bytes.Clone(packet)
		changed[at] ^= 0x40
		if got := CheckMessageAuthenticator(changed, []byte(goldenSecret), zero); got == MessageAuthenticatorValid {
			t.Errorf("octet %d changed: still valid", at)
		}
	}
	twice := AppendMessageAuthenticator(bytes.Clone(packet))
	SignMessageAuthenticator(twice, []byte(goldenSecret), zero)
	if got := CheckMessageAuthenticator(twice, []byte(goldenSecret), zero); got != MessageAuthenticatorBad {
		t.Errorf("two of them: %v, want bad", got)
	}
}

func TestPaddingIsCutAndMalformedPacketsAreRefused(t *testing.T) {
	packet, err := hex.DecodeString(goldenVectors[0].request)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Trim(append(bytes.Clone(packet), 1, 2, 3)); err != nil || !bytes.Equal(got, packet) {
		t.Errorf("padded: got %x, %v", got, err)
	}
	for n := range packet {
		if _, err := Trim(packet[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d octets of %d: %v, want ErrMalformed", n, len(packet), err)
		}
	}
	for _, length := range []byte{0, 1, 200} {
		wrong := bytes.Clone(packet)
		wrong[HeaderLength+1] = length
		if _, err := Trim(wrong); !errors.Is(err, ErrMalformed) {
			t.Errorf("an attribute of length %d: %v, want ErrMalformed", length, err)
		}
	}
}
