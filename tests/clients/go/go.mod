module penstock/clients

go 1.24

require (
	github.com/IBM/sarama v1.60.1
	github.com/twmb/franz-go v1.21.5
)
