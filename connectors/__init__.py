"""What CRMs say: one module or folder per kind of CRM, and what they share."""
