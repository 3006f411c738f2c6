package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group of the resource.
var GroupVersion = schema.GroupVersion{Group: "muara.io", Version: "v1alpha1"}

// Kind is the resource's kind.
const Kind = "Upstream"

// AddToScheme makes a scheme know the resource.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Upstream{}, &UpstreamList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// Upstream is one account at one provider, by the name that it has in the configuration, with the workers that talk to it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.workers,statuspath=.status.workers,selectorpath=.status.selector
// +kubebuilder:resource:categories=muara
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name=Driver,type=string,JSONPath=.status.driver
// +kubebuilder:printcolumn:name=Workers,type=integer,JSONPath=.spec.workers
// +kubebuilder:printcolumn:name=Ready,type=integer,JSONPath=.status.readyWorkers
// +kubebuilder:printcolumn:name=Queue-Age,type=string,JSONPath=.status.queueAge
// +kubebuilder:printcolumn:name=Budget,type=string,JSONPath=.status.budget.used
// +kubebuilder:printcolumn:name=Success,type=string,JSONPath=.status.successRate
// +kubebuilder:printcolumn:name=Float,type=integer,JSONPath=.status.float
// +kubebuilder:printcolumn:name=Paused,type=boolean,JSONPath=.status.paused
// +kubebuilder:printcolumn:name=Why,type=string,priority=1,JSONPath=.status.pausedWhy
// +kubebuilder:printcolumn:name=Seen,type=date,priority=1,JSONPath=.status.lastSeen
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=.metadata.creationTimestamp
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?$')",message="an upstream's name is 1 to 31 of a-z, 0-9 and -"
type Upstream struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// What is wanted.
	Spec UpstreamSpec `json:"spec"`
	// What is.
	// +optional
	Status UpstreamStatus `json:"status,omitempty"`
}

// UpstreamList is several of them.
//
// +kubebuilder:object:root=true
type UpstreamList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Upstream `json:"items"`
}

// UpstreamSpec is what is wanted of an upstream.
type UpstreamSpec struct {
	// Workers is how many worker pods there are to be: what `kubectl scale` and autoscalers set.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Workers *int32 `json:"workers,omitempty"`

	// Paused sends it no order; those on their way are still asked about. While it is true a resume by command does not last. When
	// it becomes false, only the pause that it made ends: one by command, or by the upstream itself, stays.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// PausedWhy is why, for the audit log and for who comes after you.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	PausedWhy string `json:"pausedWhy,omitempty"`

	// Budget takes the place of the configuration's: the workers are replaced one by one, and the stricter of the two counts until
	// the last old one has ended. Without it the configuration's counts.
	// +optional
	Budget *Budget `json:"budget,omitempty"`

	// Deployment is that of its workers, as the chart renders it.
	Deployment Deployment `json:"deployment"`
}

// Budget is a promise to an upstream: never more than Requests arrivals in any window of Per.
//
// +kubebuilder:validation:XValidation:rule="duration(self.per) >= duration('1ms') && duration(self.per) <= duration('24h')",message="per is from 1ms to 24h"
type Budget struct {
	// Requests is how many.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	Requests int32 `json:"requests"`
	// Per is in how long, such as 10s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	Per metav1.Duration `json:"per"`
}

// Deployment is a Deployment without what the Upstream says by itself: its replicas, its namespace and its owner.
//
// +kubebuilder:validation:XValidation:rule="self.name == oldSelf.name",message="the Deployment's name cannot be changed"
type Deployment struct {
	// Name is its name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Labels are its labels.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Labels map[string]string `json:"labels,omitempty"`
	// Spec is its spec. `replicas` in it is not read.
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Spec runtime.RawExtension `json:"spec"`
}

// The conditions of an Upstream.
const (
	// ConditionReady: as many workers as are wanted run as they are wanted.
	ConditionReady = "Ready"
	// ConditionApplied: the Deployment is as the resource says.
	ConditionApplied = "Applied"
	// ConditionObserved: the database and Redis tell how the upstream is. While they do not, what they said last is shown.
	ConditionObserved = "Observed"
	// ConditionPaused: no order goes to it, by whoever's word.
	ConditionPaused = "Paused"
	// ConditionBudgetClosed: the upstream asked to be left alone for a while.
	ConditionBudgetClosed = "BudgetClosed"
	// ConditionDegraded: other sources are preferred to it.
	ConditionDegraded = "Degraded"
)

// UpstreamStatus is how an upstream is. Numbers that only drift are written at most twice a minute.
type UpstreamStatus struct {
	// ObservedGeneration is the generation of the resource that this is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// DeploymentGeneration is the generation of the Deployment after it was last written here: another one was written by somebody else.
	// +optional
	DeploymentGeneration int64 `json:"deploymentGeneration,omitempty"`
	// Workers is how many worker pods there are.
	// +optional
	Workers int32 `json:"workers"`
	// ReadyWorkers is how many of them are ready.
	// +optional
	ReadyWorkers int32 `json:"readyWorkers"`
	// Selector selects them.
	// +optional
	Selector string `json:"selector,omitempty"`
	// Driver is the configured driver.
	// +optional
	Driver string `json:"driver,omitempty"`
	// Mode is live or test.
	// +optional
	Mode string `json:"mode,omitempty"`
	// Paused tells that no order goes to it, by whoever's word.
	// +optional
	Paused bool `json:"paused"`
	// PausedWhy is why.
	// +optional
	PausedWhy string `json:"pausedWhy,omitempty"`
	// Queued is how many orders wait to be sent to it.
	// +optional
	Queued *int64 `json:"queued,omitempty"`
	// QueueAge is how long the oldest of them has waited.
	// +optional
	QueueAge *metav1.Duration `json:"queueAge,omitempty"`
	// Budget is how its budget stands.
	// +optional
	Budget *BudgetStatus `json:"budget,omitempty"`
	// SuccessRate is the share of purchases that it took well of late; absent while too few tell.
	// +optional
	SuccessRate string `json:"successRate,omitempty"`
	// Float is our balance there in rupiah, as it last said.
	// +optional
	Float *int64 `json:"float,omitempty"`
	// LastSeen is the minute in which it last answered.
	// +optional
	LastSeen *metav1.Time `json:"lastSeen,omitempty"`
	// ObservedAt is when the numbers were last written. Numbers that have not changed are not written again.
	// +optional
	ObservedAt *metav1.Time `json:"observedAt,omitempty"`
	// Conditions: Ready, Applied, Observed, Paused, BudgetClosed, Degraded.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// BudgetStatus is how a budget stands.
type BudgetStatus struct {
	// Requests and Per are the promise that is kept: the strictest of those that running workers were started with.
	Requests int32           `json:"requests"`
	Per      metav1.Duration `json:"per"`
	// InUse is how many requests count at this moment.
	InUse int32 `json:"inUse"`
	// Used says it in words, such as "3 of 5 in 10s".
	Used string `json:"used"`
	// ClosedUntil is until when the upstream asked to be left alone; absent while it did not.
	// +optional
	ClosedUntil *metav1.Time `json:"closedUntil,omitempty"`
}
