"""Small servers on loopback that stand in for what a machine in AWS can reach."""
