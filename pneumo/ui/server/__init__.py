"""What all sessions share: the loaded model, memory, and what is needed of Streamlit's inside."""
