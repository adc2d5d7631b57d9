"""What happens, and when: one run of one connection, a cycle of run and KPIs, and the schedule of both."""
