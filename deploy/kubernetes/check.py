"""Checks manifests that `kubectl kustomize` has rendered. They must match the Kubernetes schemas and the networks of
docker-compose.yml. Every workload must have its probes, limits and restrictions.

Used by `cargo xtask test`: check.py docker-compose.yml RENDERED..."""

import sys
from collections import Counter

import kubernetes_validate
import yaml

# The newest Kubernetes version for which the validator has schemas, and the oldest version in use.
VERSIONS = ["1.37", "1.30"]
SERVICES = {"edge", "gateway", "issuance", "authentication", "password", "units"}
# These jobs connect to PostgreSQL. In docker-compose.yml they share the network `jobs-postgres`.
JOBS = {"migrate", "retention", "reseal"}


def pods(resource):
    """A list with the specification of the pod that a resource creates. The list is empty if it creates none."""
    spec = resource.get("spec", {})
    if resource["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return [spec["template"]["spec"]] if "template" in spec else []


def excessive_rights(name, pod):
    """Describes each right that a pod has but must not have, and each missing memory limit."""
    if pod.get("automountServiceAccountToken") is not False:
        yield f"{name} mounts the token of a service account"
    if pod.get("securityContext", {}).get("runAsNonRoot") is not True:
        yield f"{name} can run as root"
    for container in pod["containers"] + pod.get("initContainers", []):
        context = container.get("securityContext", {})
        if not context.get("readOnlyRootFilesystem"):
            yield f"{name} can write to its root file system"
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{name} has capabilities"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name} can gain privileges"
        if "memory" not in container.get("resources", {}).get("limits", {}):
            yield f"{name} has no memory limit"


def allowed_by_policies(resources):
    """The pairs (caller, callee) that may connect: those that egress allows, and those that ingress allows."""
    out, into = set(), set()
    for resource in resources:
        if resource["kind"] != "NetworkPolicy":
            continue
        label = "app.kubernetes.io/name"
        name = resource["spec"]["podSelector"].get("matchLabels", {}).get(label)
        for rule in resource["spec"].get("egress", []):
            for peer in rule.get("to", []):
                other = peer.get("podSelector", {}).get("matchLabels", {}).get(label)
                if other:
                    out.add((name, other))
        for rule in resource["spec"].get("ingress", []):
            for peer in rule.get("from", []):
                other = peer.get("podSelector", {}).get("matchLabels", {}).get(label)
                if other:
                    into.add((other, name))
    return out, into


def allowed_by_compose(path):
    """The pairs of services and stores that share a network in docker-compose.yml."""
    with open(path, encoding="utf-8") as file:
        names = yaml.safe_load(file)["networks"]
    known = SERVICES | {"postgres", "redis", "collector"}
    pairs = (name.split("-") for name in names if name.count("-") == 1)
    return {tuple(pair) for pair in pairs if set(pair) <= known}


def problems(compose, path):
    """Describes each problem of one rendered file."""
    with open(path, encoding="utf-8") as file:
        resources = [resource for resource in yaml.safe_load_all(file) if resource]
    for resource in resources:
        name = f"{resource['kind']} {resource['metadata']['name']}"
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{name} ({version}): {'.'.join(map(str, error.path))}: {error.message}"
        for pod in pods(resource):
            yield from excessive_rights(name, pod)
    kinds = Counter()
    for resource in resources:
        name = resource["metadata"]["name"]
        if resource["kind"] == "Service":
            name = resource["spec"]["selector"]["app.kubernetes.io/name"]
        if name in SERVICES:
            kinds[resource["kind"]] += 1
        if resource["kind"] == "Deployment":
            container = resource["spec"]["template"]["spec"]["containers"][0]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if probe not in container:
                    yield f"{resource['metadata']['name']} has no {probe}"
    for kind in ("Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"):
        if kinds[kind] != len(SERVICES):
            yield f"{kinds[kind]} services have a {kind}, not {len(SERVICES)}"
    out, into = allowed_by_policies(resources)
    wanted = allowed_by_compose(compose)
    stores = {(job, "postgres") for job in JOBS}
    if out - stores != wanted:
        yield f"egress differs from docker-compose.yml: {sorted((out - stores) ^ wanted)}"
    outside = {"postgres", "redis", "collector"}
    inner = {pair for pair in wanted if pair[1] not in outside}
    if into != inner:
        yield f"ingress differs from docker-compose.yml: {sorted(into ^ inner)}"


def main():
    compose, *renderings = sys.argv[1:]
    found = [f"{path}: {text}" for path in renderings for text in problems(compose, path)]
    for text in found:
        print(text, file=sys.stderr)
    sys.exit(1 if found or not renderings else 0)


if __name__ == "__main__":
    main()
