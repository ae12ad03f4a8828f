"""Checks manifests as `kubectl kustomize` renders them: against the Kubernetes schemas, strictly, and against what
every part of Aikagi has to have. `cargo xtask test` runs it: check.py docker-compose.yml RENDERED..."""

import sys
from collections import Counter

import kubernetes_validate
import yaml

# The newest schemas that the validator has, and the oldest version in use.
VERSIONS = ["1.37", "1.30"]
SERVICES = {"gateway", "issuance", "authentication", "password", "units"}
# Who speaks with the stores and the collector by networks of docker-compose.yml that have other names.
JOBS = {"migrate", "retention", "reseal"}


def pods(resource):
    """The pod that a resource makes, if it makes one."""
    spec = resource.get("spec", {})
    if resource["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return [spec["template"]["spec"]] if "template" in spec else []


def confined(name, pod):
    """What is wrong with what a pod may do."""
    if pod.get("automountServiceAccountToken") is not False:
        yield f"{name} has the cluster's token"
    if pod.get("securityContext", {}).get("runAsNonRoot") is not True:
        yield f"{name} may run as root"
    for container in pod["containers"] + pod.get("initContainers", []):
        context = container.get("securityContext", {})
        if not context.get("readOnlyRootFilesystem"):
            yield f"{name} can write its root file system"
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{name} has capabilities"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name} may gain privileges"
        if "memory" not in container.get("resources", {}).get("limits", {}):
            yield f"{name} has no limit of memory"


def allowed_by_policies(resources):
    """Pairs that the policies let speak: both ends have to agree."""
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
    """Pairs that share a network in docker-compose.yml, services and their stores only."""
    with open(path, encoding="utf-8") as file:
        names = yaml.safe_load(file)["networks"]
    known = SERVICES | {"postgres", "redis", "collector"}
    pairs = (name.split("-") for name in names if name.count("-") == 1)
    return {tuple(pair) for pair in pairs if set(pair) <= known}


def problems(compose, path):
    """Everything that is wrong with one rendering."""
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
            yield from confined(name, pod)
    kinds = Counter()
    for resource in resources:
        if resource["metadata"]["name"] in SERVICES:
            kinds[resource["kind"]] += 1
        if resource["kind"] == "Deployment":
            container = resource["spec"]["template"]["spec"]["containers"][0]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if probe not in container:
                    yield f"{resource['metadata']['name']} has no {probe}"
    for kind in ("Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"):
        if kinds[kind] != len(SERVICES):
            yield f"{kinds[kind]} of the services have a {kind}"
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
