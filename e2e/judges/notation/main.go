// A judge over notation-go, the library that the notation command is made of, since the command itself is not to be had
// from Go's proxy. It verifies signatures, and signs as notation does.
//
//	judge verify CERTIFICATES REPOSITORY@DIGEST [AUTHORITIES]
//	judge sign KEY CERTIFICATES REPOSITORY@DIGEST jws|cose [TIMESTAMP-URL AUTHORITIES]
//	judge sign-plugin PLUGINS-FOLDER KEY-ID REPOSITORY@DIGEST jws|cose [CERTIFICATES]
//	judge policy TRUSTPOLICY.json
//
// Files are PEM; registries are spoken to without TLS. It ends with 0 where the signature holds, or was made.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/plugin"
	"github.com/notaryproject/notation-go/registry"
	"github.com/notaryproject/notation-go/signer"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/notaryproject/tspclient-go"
	"oras.land/oras-go/v2/registry/remote"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	switch {
	case len(arguments) >= 3 && arguments[0] == "verify":
		return verify(ctx, arguments[1], arguments[2], arguments[3:])
	case len(arguments) >= 5 && arguments[0] == "sign":
		return sign(ctx, arguments[1], arguments[2], arguments[3], arguments[4], arguments[5:])
	case len(arguments) >= 5 && arguments[0] == "sign-plugin":
		return signByPlugin(ctx, arguments[1], arguments[2], arguments[3], arguments[4], arguments[5:])
	case len(arguments) == 2 && arguments[0] == "policy":
		return checkPolicy(arguments[1])
	}
	return fmt.Errorf("usage: policy FILE | verify CERTIFICATES IMAGE [AUTHORITIES] | sign KEY CERTIFICATES IMAGE FORMAT [URL AUTHORITIES]")
}

// checkPolicy reads a trust policy as notation does, and refuses what notation would.
func checkPolicy(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document trustpolicy.Document
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	return document.Validate()
}

func verify(ctx context.Context, certificates, image string, authorities []string) error {
	stores := []string{"ca:own"}
	files := store{truststore.TypeCA: certificates}
	verification := trustpolicy.SignatureVerification{VerificationLevel: "strict"}
	if len(authorities) > 0 {
		files[truststore.TypeTSA] = authorities[0]
		stores = append(stores, "tsa:own")
	}
	// There is no network to ask whether a certificate was revoked.
	verification.Override = map[trustpolicy.ValidationType]trustpolicy.ValidationAction{
		trustpolicy.TypeRevocation: trustpolicy.ActionSkip,
	}
	policy := &trustpolicy.Document{
		Version: "1.0",
		TrustPolicies: []trustpolicy.TrustPolicy{{
			Name:                  "own",
			RegistryScopes:        []string{"*"},
			SignatureVerification: verification,
			TrustStores:           stores,
			TrustedIdentities:     []string{"*"},
		}},
	}
	judge, err := verifier.New(policy, files, nil)
	if err != nil {
		return err
	}
	repository, err := open(image)
	if err != nil {
		return err
	}
	options := notation.VerifyOptions{ArtifactReference: image, MaxSignatureAttempts: 20}
	_, outcomes, err := notation.Verify(ctx, judge, repository, options)
	if err != nil {
		return err
	}
	for _, outcome := range outcomes {
		if outcome.Error != nil {
			return outcome.Error
		}
		var payload json.RawMessage = outcome.EnvelopeContent.Payload.Content
		fmt.Println(string(payload))
	}
	return nil
}

func sign(ctx context.Context, key, certificates, image, format string, timestamp []string) error {
	by, err := signer.NewGenericSignerFromFiles(key, certificates)
	if err != nil {
		return err
	}
	repository, err := open(image)
	if err != nil {
		return err
	}
	options := notation.SignOptions{ArtifactReference: image}
	options.SignatureMediaType = map[string]string{"jws": "application/jose+json", "cose": "application/cose"}[format]
	if len(timestamp) == 2 {
		if options.Timestamper, err = tspclient.NewHTTPTimestamper(nil, timestamp[0]); err != nil {
			return err
		}
		roots, err := read(timestamp[1])
		if err != nil {
			return err
		}
		options.TSARootCAs = x509.NewCertPool()
		for _, root := range roots {
			options.TSARootCAs.AddCert(root)
		}
	}
	_, err = notation.Sign(ctx, by, repository, options)
	return err
}

// signByPlugin signs as "notation sign --plugin plimsoll" does: the plugin must be among those that are listed.
func signByPlugin(ctx context.Context, folder, key, image, format string, certificates []string) error {
	manager := plugin.NewCLIManager(dir.NewSysFS(folder))
	names, err := manager.List(ctx)
	if err != nil {
		return err
	}
	fmt.Println("plugins:", strings.Join(names, ", "))
	found, err := manager.Get(ctx, "plimsoll")
	if err != nil {
		return err
	}
	config := map[string]string{}
	if len(certificates) > 0 {
		config["certificate"] = certificates[0]
	}
	by, err := signer.NewPluginSigner(found, key, config)
	if err != nil {
		return err
	}
	repository, err := open(image)
	if err != nil {
		return err
	}
	options := notation.SignOptions{ArtifactReference: image}
	options.SignatureMediaType = map[string]string{"jws": "application/jose+json", "cose": "application/cose"}[format]
	_, err = notation.Sign(ctx, by, repository, options)
	return err
}

func open(image string) (registry.Repository, error) {
	name, _, _ := strings.Cut(image, "@")
	repository, err := remote.NewRepository(name)
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = true
	return registry.NewRepository(repository), nil
}

// store is a trust store with one file a type.
type store map[truststore.Type]string

func (s store) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	file, found := s[kind]
	if !found {
		return nil, fmt.Errorf("there is no trust store of type %s", kind)
	}
	return read(file)
}

func read(file string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
}
